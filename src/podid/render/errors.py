"""An error as a person reads it and as a script parses it (both go to stderr)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.domain.errors import Cancelled, Conflict, Declined, NotFound, PodidError
from podid.render import sanitize
from podid.render.formats import jsonl_line

if TYPE_CHECKING:
    from podid.render.documents import tool as documents


def error_text(error: PodidError, hint: Sequence[str], *, color: bool) -> str:
    """One sentence, then what can be pasted (`hint`), then what to quote to AWS's support."""
    red, bold, off = ("\x1b[31;1m", "\x1b[1m", "\x1b[0m") if color else ("", "", "")
    what = sanitize.line(error.what)
    sentence = f"{_capital(what, error.subject)}{'' if what.endswith(('.', '?', '!')) else '.'}"
    lines = [sentence if isinstance(error, (Declined, Cancelled)) else f"{red}Error:{off} {sentence}"]
    lines += [f"  {sanitize.line(detail)}" for detail in error.lines]
    if error.permission and error.permission not in error.what:
        lines.append(f"Needs: {sanitize.line(error.permission)}")
    if error.advice:
        lines.append(_capital(sanitize.line(error.advice)))
    if hint:
        lines.append(f"Try:   {bold}{sanitize.line(shlex.join(hint))}{off}")
    if error.id:
        lines.append(f"More:  podid explain {error.id}")
    # what does not exist, or stands in the way, is nothing to ask AWS's support about; JSON keeps the id
    if error.request_id and not isinstance(error, (NotFound, Conflict)):
        lines.append(f"AWS request id: {sanitize.line(error.request_id)}")
    return "\n".join(lines) + "\n"


def _capital(sentence: str, name: str = "") -> str:
    """Names keep their spelling, whoever gave them: Shop/orders would be another service account."""
    first = sentence.split(" ", 1)[0]
    kept = not first.isalpha() or first in ("podid", name)
    return sentence if kept else sentence[:1].upper() + sentence[1:]


def error_json(error: PodidError, hint: Sequence[str]) -> str:
    """The documents.ErrorDocument, on one line."""
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
    whole: documents.ErrorDocument = {"error": body}
    return jsonl_line(whole)
