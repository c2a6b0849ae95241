"""An error as a person reads it and as a script parses it (both go to stderr)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.domain.errors import Cancelled, Conflict, Declined, NotFound, PodidError
from podid.render.formats import jsonl_line
from podid.render.lines import paint_all
from podid.render.view import Line

if TYPE_CHECKING:
    from podid.ops.change.settle import Settled
    from podid.render.documents import tool as documents


def error_text(error: PodidError, hint: Sequence[str], *, color: bool, width: int | None = None) -> str:
    """One sentence, then what can be pasted (`hint`), then what to quote to AWS's support."""
    sentence = _ended(_capital(error.what, error.subject))
    declined = isinstance(error, (Declined, Cancelled))
    lines = [Line(sentence) if declined else Line(f"Error: {sentence}", "bad", upto=len("Error:"))]
    lines += [Line(f"  {detail}") for detail in error.lines]
    if error.permission and error.permission not in error.what:
        lines.append(Line(f"Needs: {error.permission}"))
    if error.advice:
        lines.append(Line(_ended(_capital(error.advice))))
    if hint:
        lines.append(Line(f"Try:   {shlex.join(hint)}"))
    if error.id:
        lines.append(Line(f"More:  podid explain {error.id}"))
    # what does not exist, or stands in the way, is nothing to ask AWS's support about; JSON keeps the id
    if error.request_id and not isinstance(error, (NotFound, Conflict)):
        lines.append(Line(f"AWS request id: {error.request_id}"))
    return paint_all(lines, width=width, color=color)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def _capital(sentence: str, name: str = "") -> str:
    """Names keep their spelling, whoever gave them: Shop/orders would be another service account."""
    first = sentence.split(" ", 1)[0]
    kept = not first.isalpha() or first in ("podid", name)
    return sentence if kept else sentence[:1].upper() + sentence[1:]


def error_json(error: PodidError, hint: Sequence[str], settled: Settled | None = None) -> str:
    """The documents.ErrorDocument, on one line; with what the command found of interrupted runs before it failed."""
    body: documents.ErrorBody = {
        "code": error.code,
        "message": error.what,
        "hint": shlex.join(hint) or None,
        "subject": error.subject or None,
        "exitCode": int(error.exit_code),
        "requestId": error.request_id or None,
    }
    if error.permission:
        body["permission"] = error.permission
    if error.id:
        body["id"] = error.id
    if error.advice:
        body["advice"] = error.advice
    if error.lines:
        body["details"] = error.lines
    if settled is not None and settled.items:
        from podid.render.changes import settled_bodies

        body["settled"] = settled_bodies(settled)
    whole: documents.ErrorDocument = {"error": body}
    return jsonl_line(whole)
