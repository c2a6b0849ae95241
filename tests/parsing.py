"""Command lines read by podid's own parser and not carried out."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

from harness import Podid
from podid.cli import command as kit
from podid.cli.options import FLAGS
from podid.cli.tree import Row


def parsed(words: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """The command's name and the values that were given; AssertionError with the complaint where podid refuses the
    words. They begin with `podid`."""
    assert words[0] == "podid", words
    found: dict[str, Any] = {}
    load = Row.load

    def instead(row: Row) -> kit.Command:
        command = load(row)

        def body(**values: Any) -> None:
            found.update({name: value for name, value in values.items() if name not in kit.HANDED_IN})
            found["the command"] = row.name

        return replace(command, body=functools.update_wrapper(body, command.body))

    def handed_in(_: Any, values: dict[str, Any], **_more: Any) -> dict[str, Any]:
        found.update(values)
        return dict.fromkeys(kit.HANDED_IN)

    with mock.patch.object(Row, "load", instead), mock.patch.object(kit, "_handed_in", handed_in):
        outcome = Podid()(*words[1:])
    assert outcome.code == 0, (words, outcome.stderr)
    # an option that may be given more than once, and was given once, says the same as elsewhere
    once = {name: value[0] if name in FLAGS and isinstance(value, list) else value for name, value in found.items()}
    given = {name: value for name, value in once.items() if value not in (None, False, [])}
    return given.pop("the command", " ".join(words[1:])), given
