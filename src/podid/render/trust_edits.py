"""Edited trust policies: the new one by itself, or what was done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.ops.trust.edit import FileEdit
from podid.render.view import NOTHING, Document, Table, View, columns, document

if TYPE_CHECKING:
    from podid.render.documents import access as documents


def edits_view(edits: Sequence[FileEdit], *, in_place: bool) -> View:
    """A TrustEdit for one file, else a TrustEditList. For a person, and for the next program, the new policy itself;
    where it went into its file, what was done."""
    titles = columns("FILE", "OUTCOME", "STATEMENT", "SIZE", "NOTE")
    rows = tuple(
        (
            item.file.called,
            item.edit.outcome,
            NOTHING if item.edit.statement is None else str(item.edit.statement),
            str(item.edit.size),
            item.edit.reason,
        )
        for item in edits
    )
    lines = _done(edits) if in_place else [line for item in edits for line in _text(item).split("\n")]
    return View(_document(edits), (Table(titles, rows),), tuple(item.file.name for item in edits), tuple(lines))


def _text(item: FileEdit) -> str:
    # in ASCII, so that no character of it has to be made visible: it is the same JSON value
    return json.dumps(item.edit.policy.to_document(), indent=2)


def _done(edits: Sequence[FileEdit]) -> list[str]:
    lines = []
    for item in edits:
        lines.append(f"{item.file.called}: {item.edit.outcome}, {item.edit.reason}")
        lines += [f"  {note}" for note in item.edit.notes]
    return lines


def _document(edits: Sequence[FileEdit]) -> Document:
    bodies = [_body(item) for item in edits]
    if len(bodies) == 1:
        one: documents.TrustEditDocument = {"kind": "TrustEdit", **bodies[0]}
        return document(one)
    several: documents.TrustEditListDocument = {"kind": "TrustEditList", "items": bodies}
    return document(several)


def _body(item: FileEdit) -> documents.TrustEditBody:
    return {
        "file": item.file.name,
        "outcome": "changed" if item.changed else "no-change",
        "policy": item.edit.policy.to_document(),
        "statement": item.edit.statement,
        "notes": item.notes,
        "diff": item.diff,
        "size": item.edit.size,
    }
