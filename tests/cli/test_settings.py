"""The settings file: which of flag, variable and file wins, mistakes in the file, and what `podid config` changes."""

import json
import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Outcome, Podid, examples, table
from podid.cli import command as kit
from podid.cli.access import Access
from podid.cli.options import SHARED
from podid.cli.settings import keys, settings_path
from podid.domain.errors import InvalidInput
from podid.local.settings import parsed
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


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".config" / "podid" / "config.toml"
    path.parent.mkdir(parents=True)
    return path


def podid(*argv: str, **env: str) -> Outcome:
    return Podid(env={"HOME": os.environ["HOME"]})(*argv, **env)


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
def test_flag_variable_file(file: Path, key: str) -> None:
    words, (of_flag, of_variable, of_file) = CASES[key]
    item = keys()[key]
    for flag, variable, stored in product((key != "guard", False), (*item.env, ""), (True, False)):
        file.write_text(f'# mine\n{key} = "{of_file}"\n' if stored else "")
        line = f"{words} --{key} {of_flag}" if flag else words
        env = {variable: of_variable} if variable else {}
        value, source = effective(line, key, env)
        chosen = [(of_flag, f"--{key}"), (of_variable, variable), (of_file, f"{file}:2")]
        given_ones = [pair for pair, is_given in zip(chosen, (flag, variable, stored), strict=True) if is_given]
        default = "None" if item.default is None else str(item.default)
        expected = given_ones[0] if given_ones else (default if key != "guard" else "", "")
        assert value == expected[0], (flag, variable, stored)
        assert source in (expected[1], ""), (flag, variable, stored)


def test_a_value_of_the_file_yields_to_another_choice_of_the_same_thing(file: Path) -> None:
    file.write_text('cluster = "filed"\nprofile = "filed"\n')
    assert effective("list --context mine", "cluster", {})[0] == "None"
    assert effective("list", "cluster", {"PODID_CONTEXT": "mine"})[0] == "None"
    assert effective("list", "profile", {"AWS_ACCESS_KEY_ID": "AKIA"})[0] == "None"
    assert effective("list --profile mine", "profile", {"AWS_ACCESS_KEY_ID": "AKIA"})[0] == "mine"
    file.write_text('context = "filed"\n')
    assert effective("list --cluster mine", "context", {})[0] == "None"
    assert effective("list", "context", {})[0] == "filed"


def test_a_path_of_the_file_does_not_depend_on_the_working_directory(file: Path) -> None:
    file.write_text('journal-dir = "runs"\nkubeconfig = "~/kube"\n')
    assert effective("history", "journal-dir", {})[0] == str(file.parent / "runs")
    assert effective("list", "kubeconfig", {})[0] == str(file.parent.parent.parent / "kube")


@table(
    ("env", "path"),
    [
        ({"HOME": "/h"}, "/h/.config/podid/config.toml"),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "/x"}, "/x/podid/config.toml"),
        ({"HOME": "/h", "XDG_CONFIG_HOME": "relative"}, "/h/.config/podid/config.toml"),
        ({"HOME": "/h", "PODID_CONFIG": "/y/z.toml"}, "/y/z.toml"),
        ({"HOME": "/h", "PODID_CONFIG": ""}, None),
        ({"HOME": "relative"}, None),
    ],
)
def test_the_place_of_the_file(env: dict[str, str], path: str | None) -> None:
    assert settings_path(env) == (Path(path) if path else None)
    outcome = Podid(env=env)("config", "path")
    assert (outcome.code, outcome.stdout) == ((0, f"{path}\n") if path else (2, ""))


def test_the_place_stays_outside_of_the_sandbox(site: Site, file: Path) -> None:
    """The sandbox has a settings file of its own."""
    from podid.sandbox import process

    with mock.patch.object(process, "_require_running", return_value=mock.Mock(environment={})):
        assert process.env(directory=Path("/s")).export["PODID_CONFIG"] == "/s/config.toml"


# --- mistakes ---------------------------------------------------------------------------------------------------------

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
def test_a_broken_file_stops_commands_with_its_line(file: Path, name: str) -> None:
    text, words, advice = BROKEN[name]
    file.write_text(text)
    outcome = podid("list")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"{file}, {words}" in outcome.stderr
    assert advice in " ".join(outcome.stderr.split())
    assert len(outcome.stderr.splitlines()) <= 3
    assert podid("list", "-o", "json").error["code"] == "InvalidInput"
    for line in (("list", "--help"), ("--version",), ("config", "path"), ("completion", "bash"), ("schema", "--help")):
        assert podid(*line).code == 0
    listed = podid("config", "list", "-o", "json")
    assert (listed.code, words in listed.json["problems"][0]) == (2, True)


def test_every_mistake_is_reported(file: Path) -> None:
    file.write_text('regoin = "a"\nclutser = "b"\n')
    assert [word in podid("whoami").stderr for word in ("line 1", "line 2")] == [True, True]


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
def test_a_wrong_value_is_refused_as_the_option_refuses_it(file: Path, line: str, text: str, words: str) -> None:
    file.write_text(f"\n{text}\n")
    outcome = podid(*line.split(), AWS_REGION="us-west-2" if "region" not in text else "")
    assert (outcome.code, outcome.stdout) == (2, ""), outcome
    assert words in outcome.stderr
    assert f"{file}:2" in outcome.stderr or "columns" in text


def test_a_guard_that_cannot_be_read_stops_changes(site: Site, file: Path) -> None:
    site.env["PODID_CONFIG"] = str(file)
    file.write_text('guard = "nosuch.yaml"\n')
    outcome = site("role", "create", "orders", "--for", "shop/orders")
    assert (outcome.code, f"The guard of {file}:1 cannot be read" in outcome.stderr) == (6, True), outcome


def test_a_file_that_cannot_be_read(file: Path) -> None:
    file.mkdir()
    outcome = podid("list")
    assert (outcome.code, f"{file} cannot be read" in outcome.stderr) == (2, True)
    file.rmdir()
    file.write_bytes(b'region = "\xff"\n')
    assert "it is not UTF-8 text" in podid("list").stderr


PART = st.text(" \t\"'\\#=[]ab-.\u00e9\u2028\x7f", max_size=12)


@settings(max_examples=examples(200))
@given(
    st.lists(st.one_of(PART, st.tuples(st.sampled_from(["region", "a_b", "-", "é"]), PART).map(" = ".join)), max_size=4)
)
def test_plain_lines_are_read_as_toml(lines: list[str]) -> None:
    text = "\n".join(lines)
    try:
        expected: object = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        with pytest.raises(InvalidInput, match="line"):
            parsed(text, Path("f"))
        return
    assert {key: value for key, (value, _) in parsed(text, Path("f")).items()} == expected


# --- podid config -----------------------------------------------------------------------------------------------------


def test_set_keeps_everything_else(file: Path) -> None:
    file.write_text("# my defaults\n\nregion = 'us-west-2'  # near\n  output=\"json\"\n# end\n")
    file.chmod(0o644)
    assert podid("config", "set", "region", "eu-west-1").code == 0
    assert podid("config", "set", "scope", "cluster").code == 0
    assert file.read_text() == (
        '# my defaults\n\nregion = "eu-west-1"  # near\n  output="json"\n# end\nscope = "cluster"\n'
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert podid("config", "unset", "region").code == 0
    assert file.read_text() == '# my defaults\n\n  output="json"\n# end\nscope = "cluster"\n'
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


def test_a_new_file_is_private(file: Path) -> None:
    file.parent.rmdir()
    outcome = podid("config", "set", "cluster", "blue", "-o", "json")
    assert outcome.json["source"] == f"{file}:1"
    assert (stat.S_IMODE(file.stat().st_mode), stat.S_IMODE(file.parent.stat().st_mode)) == (0o600, 0o700)


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.toml"
    target.write_bytes(b'\xef\xbb\xbfregion = "a"\r\n')
    file.symlink_to(target)
    assert podid("config", "set", "scope", "account").code == 0
    assert file.is_symlink()
    assert target.read_bytes() == b'\xef\xbb\xbfregion = "a"\r\nscope = "account"\r\n'


def test_set_fixes_a_broken_line_and_no_other(file: Path) -> None:
    file.write_text("region = eu-west-1\n")
    assert podid("config", "set", "region", "eu-west-1").code == 0
    assert file.read_text() == 'region = "eu-west-1"\n'
    file.write_text("x = y\n")
    outcome = podid("config", "set", "region", "eu-west-1")
    assert (outcome.code, "line 1" in outcome.stderr, file.read_text()) == (2, True, "x = y\n")
    file.write_text('region = """\nregion = "x"\n"""\n')
    assert (podid("config", "set", "region", "eu-west-1").code, len(file.read_text())) == (2, 30)


@pytest.mark.parametrize("text", ['a "b" \\ c', "é\u2028", "tab\there", "\x7f"])
def test_any_text_is_stored(file: Path, text: str) -> None:
    assert podid("config", "set", "profile", text).code == 2  # no such profile
    with mock.patch.object(Access, "session"):
        assert podid("config", "set", "profile", text).code == 0
    assert tomllib.loads(file.read_text()) == {"profile": text}


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("set regoin x", 2, "did you mean region?"),
        ("set region eu-west-x", 2, "is not an AWS region"),
        ("set output sarif", 2, "sarif"),
        ("set timeout 5x", 2, "not a duration"),
        ("set expect-account 1", 2, "12-digit"),
        ("set columns namspace", 2, "namspace"),
        ("set scope x", 2, "--scope 'x' is not one of"),
        ("set cluster arn:aws:x", 2, "arn:aws:x"),
        ("set guard nosuch", 2, "cannot be read"),
        ("set kubeconfig nosuch", 5, "does not exist"),
        ("set context nosuch", 5, "nosuch"),
        ("get region", 5, "region has no default"),
        ("get regoin", 2, "did you mean region?"),
        ("unset regoin", 2, "did you mean region?"),
    ],
)
def test_what_config_refuses(file: Path, line: str, code: int, words: str) -> None:
    outcome = podid("config", *line.split())
    assert (outcome.code, outcome.stdout, file.exists()) == (code, "", False), outcome
    assert words in outcome.stderr


def test_get_and_list_show_what_wins(file: Path) -> None:
    file.write_text('region = "eu-west-1"\noutput = "json"\n')
    assert podid("config", "get", "region").stdout == "eu-west-1\n"
    assert podid("config", "get", "region", AWS_REGION="us-east-1").stdout == "us-east-1\n"
    listed = podid("config", "list", "-o", "json", PODID_OUTPUT="csv").json
    rows = {item["key"]: (item["value"], item["source"]) for item in listed["items"]}
    assert (rows["region"], rows["output"]) == (("eu-west-1", f"{file}:1"), ("csv", "PODID_OUTPUT"))
    assert rows["cluster"] == (None, None)
    assert "PODID_OUTPUT is set and overrides" in podid("config", "set", "output", "wide", PODID_OUTPUT="csv").stderr


def test_whoami_names_each_source(site: Site, file: Path) -> None:
    file.write_text('timeout = "5m"\nscope = "cluster"\ncluster = "demo"\n')
    site.env.update(PODID_CONFIG=str(file), PODID_NAMESPACE="shop", PODID_CLUSTER="")
    shown = site("whoami", "-o", "json").json
    assert (shown["cluster"], shown["clusterSource"]) == ("demo", f"{file}:3")
    sources = {item["key"]: (item["value"], item["source"]) for item in shown["defaults"]}
    assert sources == {
        "output": ("json", "--output"),
        "timeout": ("5m", f"{file}:1"),
        "scope": ("cluster", f"{file}:2"),
        "namespace": ("shop", "PODID_NAMESPACE"),
    }


def test_many_writers_lose_nothing(file: Path) -> None:
    """Processes of their own, each with another key."""
    values = {"timeout": "5m", "expect-account": "1" * 12, "namespace": "shop", "scope": "cluster"}
    line = [sys.executable, "-m", "podid", "config", "set"]
    running = [subprocess.Popen([*line, *pair], stdout=subprocess.DEVNULL) for pair in values.items()]
    assert [process.wait(timeout=60) for process in running] == [0] * len(values)
    assert tomllib.loads(file.read_text()) == values


def test_completion_offers_keys_and_their_values(file: Path) -> None:
    def candidates(*words: str) -> list[str]:
        answer = podid("--", *words, _PODID_COMPLETE="fish").stdout
        return [line.split("\t")[0] for line in answer.splitlines()]

    assert {*candidates("config", "set", "")} == {*keys()}
    assert candidates("config", "set", "scope", "cl") == ["cluster"]
    assert "json" in candidates("config", "set", "output", "")
    assert "role" in candidates("config", "set", "columns", "ro")
    assert json.dumps(candidates("config", "get", "reg")) == '["region"]'
