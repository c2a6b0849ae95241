"""Parse command lines with podid's own parser, without running them."""

from collections.abc import Mapping, Sequence
from typing import Any
from unittest import mock

from harness import Podid
from podid.cli import command as kit
from podid.cli.options import SHARED
from podid.cli.tree import COMMANDS


def parsed(words: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return the command's name and the specified values. Raise AssertionError with podid's message if it refuses the
    words. They begin with `podid`."""
    assert words[0] == "podid", words
    parameters: dict[str, Any] = {}

    def carry_out(command: kit.Command, _: Any, typed: Mapping[str, Any]) -> None:
        parameters.update(typed)
        parameters["the command"] = next(row.name for row in COMMANDS if row.load() is command)

    def access(_: Any, values: dict[str, Any], **_more: Any) -> Any:
        parameters.update(values)
        return mock.Mock()

    with mock.patch.object(kit.Command, "run", carry_out), mock.patch.object(kit, "access_for", access):
        outcome = Podid()(*words[1:])
    assert outcome.code == 0, (words, outcome.stderr)
    # a repeatable option with one value equals a plain option with this value
    once = {
        name: value[0] if name in SHARED and isinstance(value, list) else value for name, value in parameters.items()
    }
    specified = {name: value for name, value in once.items() if value not in (None, False, [])}
    return specified.pop("the command", " ".join(words[1:])), specified
