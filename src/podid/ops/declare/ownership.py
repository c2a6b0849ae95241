"""Permitted changes of an existing resource that a file declares, by its owner."""

from __future__ import annotations

from dataclasses import dataclass

from podid.domain.errors import Again, Conflict
from podid.ops.declare.marks import Mark
from podid.ops.declare.request import Ownership


@dataclass(frozen=True, slots=True)
class Treatment:
    """`change` is whether the resource becomes as declared, `mark` whether it gets the file's mark, `taken` whether
    it belonged to another owner, or to none, before. `conflict` is the reason against a change. `note` is for the
    reader."""

    change: bool = False
    mark: bool = False
    taken: bool = False
    conflict: Conflict | None = None
    note: str = ""


def decide(subject: str, mark: Mark, ownership: Ownership, lines: tuple[str, ...]) -> Treatment:
    """Return the treatment of `subject`, which exists and differs from its declaration by `lines`; empty if it is
    equal."""
    if mark.ours and (mark.tool is None or not lines):
        return Treatment(change=bool(lines), mark=True)
    if mark.other_file:
        if not lines:
            return Treatment(note=f"{subject} belongs to {mark.file} and is as declared here")
        message = f"The {subject} belongs to {mark.file} and differs from the file"
        advice = "Change it in that file."
        return Treatment(conflict=Conflict(message, advice=advice, lines=lines, subject=mark.file))
    if mark.tool is not None:
        return _of_tool(subject, mark, ownership, lines)
    if not lines or ownership.adopt:
        return Treatment(change=bool(lines), mark=ownership.adopt, taken=True)
    message = f"The {subject} exists with other settings, and no file owns it"
    hint = Again(add=("--adopt",))
    return Treatment(conflict=Conflict(message, hint=hint, advice="--adopt changes and marks it.", lines=lines))


def _of_tool(subject: str, mark: Mark, ownership: Ownership, lines: tuple[str, ...]) -> Treatment:
    tool = mark.tool
    assert tool is not None
    if not lines:
        note = f"{subject} is as declared and belongs to {tool.description}"
        return Treatment(mark=ownership.take_over and mark.taggable, taken=True, note=note)
    if ownership.take_over:
        note = f"{subject} belongs to {tool.description}"
        return Treatment(change=True, mark=mark.taggable, taken=True, note=note)
    message = f"The {subject} differs from the file and belongs to {tool.words} ({tool.evidence})"
    advice = f"--take-over changes it nevertheless; {tool.reverts}."
    return Treatment(conflict=Conflict(message, hint=Again(add=("--take-over",)), advice=advice, lines=lines))
