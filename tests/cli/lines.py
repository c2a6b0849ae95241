"""The parts of command lines that several tests need."""

from typing import Any

import pytest

from harness import Podid
from podid.cli import boundary
from podid.cli.command import build
from podid.cli.runtime import Runtime
from podid.cli.tree import Row


def raised(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def dispatch(argv: list[str], runtime: Runtime) -> int:
        raise error

    monkeypatch.setattr(boundary, "_dispatch", dispatch)


def names(podid: Podid) -> list[str]:
    return podid("list", "-o", "name").stdout.split()


TREE = build()


def command_of(row: Row) -> Any:
    command: Any = TREE
    for word in row.path:
        command = command.commands[word]
    return command


def required_words(param: Any) -> list[str]:
    return ["x"] if param.param_type_name == "argument" else [param.opts[0], "x"]
