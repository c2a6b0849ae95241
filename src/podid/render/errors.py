"""An error as a person reads it and as a script parses it (both go to stderr)."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from podid.domain.errors import PodidError
from podid.render import sanitize

if TYPE_CHECKING:
    from podid.render.documents import tool as documents


def error_text(error: PodidError, *, color: bool) -> str:
    """One sentence, then what can be pasted, then what to quote to AWS's support."""
    red, bold, off = ("\x1b[31;1m", "\x1b[1m", "\x1b[0m") if color else ("", "", "")
    what = sanitize.block(error.what)
    lines = [f"{red}Error:{off} {_capital(what)}{'' if what.endswith(('.', '?', '!')) else '.'}"]
    if error.permission and error.permission not in error.what:
        lines.append(f"Needs: {sanitize.line(error.permission)}")
    if error.advice:
        lines.append(sanitize.block(error.advice))
    if error.hint:
        lines.append(f"Try:   {bold}{sanitize.line(shlex.join(error.hint))}{off}")
    if error.request_id:
        lines.append(f"AWS request id: {sanitize.line(error.request_id)}")
    return "\n".join(lines) + "\n"


def _capital(sentence: str) -> str:
    """Names keep their spelling: Shop/orders would be another service account."""
    first = sentence.split(" ", 1)[0]
    return sentence[:1].upper() + sentence[1:] if first.isalpha() and first != "podid" else sentence


def error_json(error: PodidError) -> str:
    """The documents.ErrorDocument, on one line."""
    body: documents.ErrorBody = {
        "code": error.code,
        "message": error.what,
        "hint": shlex.join(error.hint) or None,
        "subject": error.subject or None,
        "exitCode": int(error.exit_code),
        "requestId": error.request_id or None,
    }
    if error.permission:
        body["permission"] = error.permission
    if error.advice:
        body["advice"] = error.advice
    whole: documents.ErrorDocument = {"error": body}
    return json.dumps(whole, ensure_ascii=True) + "\n"
