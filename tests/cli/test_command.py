"""What every command does with its options: blank values, repeated options, fixed values."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from harness import Podid
from podid.cli import options
from podid.cli.command import build
from podid.cli.tree import COMMANDS, Row


def test_a_shared_option_with_fixed_values_refuses_others(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = replace(options.SHARED["context"], values=("work", "play"))
    monkeypatch.setitem(options.SHARED, "context", declared)
    for argv, env in ((("--context", "home"), {}), ((), {"PODID_CONTEXT": "home"})):
        refused = Podid(env=env)("doctor", *argv, "-o", "json")
        assert (refused.code, refused.error["message"]) == (2, "--context 'home' is not one of work, play")
        assert ("PODID_CONTEXT" in refused.error.get("advice", "")) == bool(env)


BLANK = ("", " ", "\t", " \n", "\u00a0")


def texts_of(row: Row) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each option and argument of a command that takes text, and a line in which it has no value."""
    node: Any = build()
    for name in row.path:
        node = node.commands[name]
    taken = [param for param in node.params if param.type.name == "text" and param.opts[0] != "--query"]
    needed = [param for param in taken if param.param_type_name == "argument" and param.required]
    for param in taken:
        words = ["BLANK" if item is param else "a/b" for item in (*needed, *(() if param in needed else (param,)))]
        if param.param_type_name == "option":
            yield param.opts[0], (*row.path, *words[:-1], param.opts[0], "BLANK")
        else:
            yield str(param.metavar).strip("[].").removesuffix("..."), (*row.path, *words)


@pytest.mark.parametrize("row", COMMANDS, ids=[row.name for row in COMMANDS])
def test_no_command_accepts_a_blank_name(row: Row) -> None:
    """A name, a selector or a file of nothing: no command takes it for all of them, or leaves it out."""
    lines = dict(texts_of(row))
    for number, (name, line) in enumerate(lines.items()):
        blank = BLANK[number % len(BLANK)]
        refused = Podid()(*(blank if word == "BLANK" else word for word in line), "-o", "json")
        assert (refused.code, refused.stdout) == (2, ""), (line, refused)
        assert refused.error["message"].removeprefix("argument ") == f"{name} is empty: specify a value, or omit it"


@pytest.mark.parametrize("blank", BLANK)
@pytest.mark.parametrize(
    "line", ["associate -n shop --role r --selector", "doctor --save", "restart --yes -n", "doctor"]
)
def test_white_space_is_a_blank_value(line: str, blank: str) -> None:
    refused = Podid()(*line.split(), blank)
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr.endswith("is empty: specify a value, or omit it.\n")


@pytest.mark.parametrize("variable", ["PODID_NAMESPACE", "PODID_CLUSTER", "AWS_REGION", "KUBECONFIG", "PODID_TIMEOUT"])
def test_an_environment_variable_of_white_space_is_refused(variable: str) -> None:
    """One that is empty is as one that is not set."""
    refused = Podid(env={variable: " "})("restart", "--yes", "-o", "json")
    assert (refused.code, refused.error["message"]) == (2, f"{variable} is empty: specify a value, or omit it")


def test_one_blank_value_of_several_is_refused(podid: Podid) -> None:
    refused = podid("list", "--cluster", "demo", "--cluster", "", "-o", "json")
    assert (refused.code, refused.error["message"]) == (2, "--cluster is empty: specify a value, or omit it")


def test_every_changing_command_has_a_dry_run() -> None:
    changing = {command.name for command in COMMANDS if {"journal_dir", "yes"} <= {*command.load().shared}}
    # what these create is a file or gone when they end; reconcile changes nothing without --apply
    others = {"bundle", "verify", "exec", "reconcile"}
    assert changing - others == {command.name for command in COMMANDS if "dry_run" in command.load().shared}


def test_no_two_options_of_a_command_have_the_same_spelling() -> None:
    spellings = {row.name: Counter(name for item in row.load().options for name in item.spellings) for row in COMMANDS}
    twice = {name: [word for word, times in words.items() if times > 1] for name, words in spellings.items()}
    assert {name: again for name, again in twice.items() if again} == {}
    assert {
        word for words in spellings.values() for word in words if not re.fullmatch(r"--[a-z][a-z0-9-]+|-\w", word)
    } == set()


@pytest.mark.parametrize(
    "argv",
    [
        ("show", "a/b", "--cluster", "a", "--cluster", "b"),
        ("status", "-c", "a", "--cluster=a"),
        ("associate", "a/b", "--role", "x", "--role", "y"),
        ("associate", "a/b", "--role", "x", "--session-tags", "--no-session-tags"),
        ("doctor", "--fail-on", "warn", "--fail-on", "error"),
    ],
)
def test_an_option_with_one_value_is_specified_once(argv: tuple[str, ...]) -> None:
    """The last one would win without a word: on the wrong cluster, with the wrong role."""
    outcome = Podid()(*argv, "-o", "json")
    assert (outcome.code, outcome.stdout, outcome.error["code"]) == (2, "", "Usage")
    assert "specified twice" in outcome.error["message"]
