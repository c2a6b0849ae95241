"""Command lines read by podid's own parser and not carried out."""

from collections.abc import Mapping, Sequence
from typing import Any
from unittest import mock

from harness import Podid
from podid.cli import command as kit
from podid.cli.options import SHARED
from podid.cli.tree import COMMANDS


def parsed(words: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The command's name and the values that were given; AssertionError with the complaint where podid refuses the
    words. They begin with `podid`."""
    assert words[0] == "podid", words
    found: dict[str, Any] = {}

    def carry_out(command: kit.Command, _: Any, typed: Mapping[str, Any]) -> None:
        found.update(typed)
        found["the command"] = next(row.name for row in COMMANDS if row.load() is command)

    def access(_: Any, values: dict[str, Any], **_more: Any) -> Any:
        found.update(values)
        return mock.Mock()

    with mock.patch.object(kit, "_carry_out", carry_out), mock.patch.object(kit, "access_for", access):
        outcome = Podid()(*words[1:])
    assert outcome.code == 0, (words, outcome.stderr)
    # an option that may be given more than once, and was given once, says the same as elsewhere
    once = {name: value[0] if name in SHARED and isinstance(value, list) else value for name, value in found.items()}
    given = {name: value for name, value in once.items() if value not in (None, False, [])}
    return given.pop("the command", " ".join(words[1:])), given
