"""The settings file: which of flag, variable and file wins, mistakes in the file, and what `podid config` changes."""

import os
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from harness import Podid, at_home
from podid.cli import command as kit
from podid.cli.access import Access
from podid.cli.options import SHARED
from podid.cli.settings import keys
from worlds import Site

# key -> a command line with the option, and three valid values
CASES: Mapping[str, tuple[str, tuple[str, str, str]]] = {
    "cluster": ("list", ("a", "b", "c")),
    "region": ("list", ("eu-west-1", "eu-west-2", "eu-west-3")),
    "profile": ("list", ("a", "b", "c")),
    "context": ("list", ("a", "b", "c")),
    "kubeconfig": ("list", ("/a", "/b", "/c")),
    "namespace": ("list", ("a", "b", "c")),
    "output": ("list", ("json", "csv", "name")),
    "timeout": ("list", ("1m", "2m", "3m")),
    "expect-account": ("list", ("1" * 12, "2" * 12, "3" * 12)),
    "journal-dir": ("history", ("/a", "/b", "/c")),
    "columns": ("list", ("role", "owner", "status")),
    "scope": ("role create orders", ("namespace", "cluster", "account")),
    "guard": ("list", ("/a", "/b", "/c")),
}


def effective(words: str, key: str, env: Mapping[str, str]) -> tuple[str, str]:
    """The value of an option that a command line receives, and its source."""
    got: list[tuple[str, str]] = []
    item = keys()[key]

    def carry_out(_: kit.Command, access: Access, typed: Mapping[str, Any]) -> None:
        if item.field in SHARED:
            got.append((str(getattr(access.shared, item.field)), access.sources.get(item.field, "")))
        elif key == "guard":
            got.append(item.default_from(access.runtime.env, access.runtime.stored) or ("", ""))
        else:
            got.append((str(typed[key] or ""), ""))

    with mock.patch.object(kit.Command, "run", carry_out):
        outcome = Podid(env={"HOME": os.environ["HOME"], **env})(*words.split())
    assert outcome.code == 0, outcome
    return got[0]


def test_every_setting_is_tried() -> None:
    assert {*CASES} == {*keys()}
    assert {item.key for item in SHARED.values() if item.env} <= {*keys()}


@pytest.mark.parametrize("key", CASES)
def test_flag_variable_file(settings_file: Path, key: str) -> None:
    words, (of_flag, of_variable, of_file) = CASES[key]
    item = keys()[key]
    for flag, variable, stored in product((key != "guard", False), (*item.env, ""), (True, False)):
        settings_file.write_text(f'# mine\n{key} = "{of_file}"\n' if stored else "")
        line = f"{words} --{key} {of_flag}" if flag else words
        env = {variable: of_variable} if variable else {}
        value, source = effective(line, key, env)
        chosen = [(of_flag, f"--{key}"), (of_variable, variable), (of_file, f"{settings_file}:2")]
        given_ones = [pair for pair, is_given in zip(chosen, (flag, variable, stored), strict=True) if is_given]
        default = "None" if item.default is None else str(item.default)
        expected = given_ones[0] if given_ones else (default if key != "guard" else "", "")
        assert value == expected[0], (flag, variable, stored)
        assert source in (expected[1], ""), (flag, variable, stored)


def test_a_value_of_the_file_yields_to_another_choice_of_the_same_thing(settings_file: Path) -> None:
    settings_file.write_text('cluster = "filed"\nprofile = "filed"\n')
    assert effective("list --context mine", "cluster", {})[0] == "None"
    assert effective("list", "cluster", {"PODID_CONTEXT": "mine"})[0] == "None"
    assert effective("list", "profile", {"AWS_ACCESS_KEY_ID": "AKIA"})[0] == "None"
    assert effective("list --profile mine", "profile", {"AWS_ACCESS_KEY_ID": "AKIA"})[0] == "mine"
    settings_file.write_text('context = "filed"\n')
    assert effective("list --cluster mine", "context", {})[0] == "None"
    assert effective("list", "context", {})[0] == "filed"


def test_a_path_of_the_file_does_not_depend_on_the_working_directory(settings_file: Path) -> None:
    settings_file.write_text('journal-dir = "runs"\nkubeconfig = "~/kube"\n')
    assert effective("history", "journal-dir", {})[0] == str(settings_file.parent / "runs")
    assert effective("list", "kubeconfig", {})[0] == str(settings_file.parent.parent.parent / "kube")


BROKEN = {
    "unquoted": ("# a\nregion = eu-west-1\n", "line 2: this is not TOML", 'region = "eu-west-1"'),
    "unclosed": ('region = "eu-west-1\n', "line 1: this is not TOML", ""),
    "cut": ("region =", "line 1: this is not TOML", ""),
    "twice": ('region = "a"\nregion = "b"\n', "line 2: this is not TOML", ""),
    "misspelled": ('\nregoin = "a"\n', "line 2: unknown setting 'regoin'; did you mean region?", "podid config list"),
    "number": ("timeout = 90\n", "line 1: the value of timeout is not text in quotes", ""),
    "table": ('region = "a"\n\n[defaults]\n', "line 3: unknown setting 'defaults'", ""),
    "dotted": ('a.b = "x"\n', "line 1: unknown setting 'a'", ""),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_stops_commands_with_its_line(settings_file: Path, name: str) -> None:
    text, words, advice = BROKEN[name]
    settings_file.write_text(text)
    outcome = at_home("list")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"{settings_file}, {words}" in outcome.stderr
    assert advice in " ".join(outcome.stderr.split())
    assert len(outcome.stderr.splitlines()) <= 3
    assert at_home("list", "-o", "json").error["code"] == "InvalidInput"
    for line in (("list", "--help"), ("--version",), ("config", "path"), ("completion", "bash"), ("schema", "--help")):
        assert at_home(*line).code == 0
    listed = at_home("config", "list", "-o", "json")
    assert (listed.code, words in listed.json["problems"][0]) == (2, True)


def test_every_mistake_is_reported(settings_file: Path) -> None:
    settings_file.write_text('regoin = "a"\nclutser = "b"\n')
    assert [word in at_home("whoami").stderr for word in ("line 1", "line 2")] == [True, True]


@pytest.mark.parametrize(
    ("line", "text", "words"),
    [
        ("list", 'output = "jsn"', "jsn"),
        ("list", 'timeout = "5x"', "'5x' is not a duration"),
        ("list", 'expect-account = "12"', "not a 12-digit account id"),
        ("list", 'columns = "namspace"', "--columns 'namspace' is not one of"),
        ("list", 'columns = "  "', "is empty"),
        ("list", 'cluster = ""', "is empty"),
        ("list", 'cluster = "-"', "not an EKS cluster name"),
        ("list", 'region = "eu-west-x"', "not an AWS region"),
        ("list", 'profile = "nosuch"', "does not exist"),
        ("role create x --for a/b", 'scope = "clutser"', "--scope 'clutser' is not one of"),
    ],
)
def test_a_wrong_value_is_refused_as_the_option_refuses_it(
    settings_file: Path, line: str, text: str, words: str
) -> None:
    settings_file.write_text(f"\n{text}\n")
    outcome = at_home(*line.split(), AWS_REGION="us-west-2" if "region" not in text else "")
    assert (outcome.code, outcome.stdout) == (2, ""), outcome
    assert words in outcome.stderr
    assert f"{settings_file}:2" in outcome.stderr or "columns" in text


def test_a_guard_that_cannot_be_read_stops_changes(site: Site, settings_file: Path) -> None:
    site.env["PODID_CONFIG"] = str(settings_file)
    settings_file.write_text('guard = "nosuch.yaml"\n')
    outcome = site("role", "create", "orders", "--for", "shop/orders")
    assert (outcome.code, f"The guard of {settings_file}:1 cannot be read" in outcome.stderr) == (6, True), outcome


def test_a_file_that_cannot_be_read(settings_file: Path) -> None:
    settings_file.mkdir()
    outcome = at_home("list")
    assert (outcome.code, f"{settings_file} cannot be read" in outcome.stderr) == (2, True)
    settings_file.rmdir()
    settings_file.write_bytes(b'region = "\xff"\n')
    assert "it is not UTF-8 text" in at_home("list").stderr
