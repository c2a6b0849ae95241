"""Errors as text and as JSON, both on stderr."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from podid.domain.encoding import encode
from podid.domain.errors import Cancelled, Conflict, Declined, ExitCode, NotFound, PodidError
from podid.domain.members import OPTIONAL, OR_NULL, About, Document, From
from podid.domain.plan import Done, Status, Verb
from podid.render.formats import jsonl_line
from podid.render.screen import Screen, paint_all
from podid.render.view import Line, sentence

if TYPE_CHECKING:
    from podid.ops.change.settle import Settled


_HANG = len("Error: ")


def error_text(error: PodidError, hint: Sequence[str], screen: Screen) -> str:
    """Return the error, then the reason or advice, then a command to paste (`hint`)."""
    happened = sentence(error.message, error.subject)
    declined = isinstance(error, (Declined, Cancelled))
    lines = [Line(happened) if declined else Line(f"Error: {happened}", "bad", upto=len("Error:"), hang=_HANG)]
    lines += [Line(f"  {detail}") for detail in error.lines]
    more = [sentence(error.advice)] if error.advice else []
    more += [f"See podid explain {error.id}."] if error.id and hint and error.id not in error.message else []
    # AWS support cannot help with missing or conflicting objects; JSON keeps the request id
    asks_support = error.request_id and not isinstance(error, (NotFound, Conflict))
    more += [f"AWS request id: {error.request_id}"] if asks_support else []
    needs = f"{error.permission}." if error.permission and error.permission not in error.message else ""
    if needs or more:
        lines.append(Line(f"{'Needs:' if needs else '':<{_HANG}}{' '.join(filter(None, (needs, *more)))}", hang=_HANG))
    if hint:
        lines.append(Line(f"Try:   {shlex.join(hint)}"))
    elif error.id:
        lines.append(Line(f"More:  podid explain {error.id}"))
    return paint_all(lines, screen)


def error_json(error: PodidError, hint: Sequence[str], settled: Settled | None = None) -> str:
    """Return the ErrorDocument on one line, with the interrupted runs that the command settled before it failed."""
    more = {"settled": settled.items} if settled is not None and settled.items else {}
    return jsonl_line({"error": encode(ErrorBody, error, hint=shlex.join(hint) or None, **more)})


_EXIT_CODES = [int(code) for code in ExitCode if code is not ExitCode.OK]
RecordedStatus = Status | Literal["open", "planned"]


class SettledBody(Document):
    # a run, one of its actions, and the outcome of that
    run_id: Annotated[str, From(lambda item: item[0].run_id)]
    kind: Annotated[str, From(lambda item: item[1].kind)]
    verb: Annotated[Verb, From(lambda item: item[1].verb)]
    target: Annotated[str, From(lambda item: item[1].target)]
    status: Annotated[
        RecordedStatus,
        From(lambda item: item[2].status if isinstance(item[2], Done) else "open"),
        About("`open`: the outcome could not be checked."),
    ]
    reason: Annotated[str, From(lambda item: item[2].reason if isinstance(item[2], Done) else item[2].message)]


class ErrorBody(Document):
    code: Annotated[str, About("A code of docs/reference/errors.md.")]
    message: Annotated[str, About("One sentence that names the object.")]
    hint: Annotated[str | None, About("A command that may help, quoted for a shell.")]
    subject: Annotated[str, OR_NULL, About("The object of the error.")]
    exit_code: Annotated[
        int,
        From(lambda error: int(error.exit_code)),
        About("The exit code of podid.", enum=_EXIT_CODES),
    ]
    request_id: Annotated[str, OR_NULL, About("The request id of AWS.")]
    permission: Annotated[
        str, OR_NULL, OPTIONAL, About("The missing permission: an IAM action, or a Kubernetes verb and resource.")
    ]
    id: Annotated[str, OR_NULL, OPTIONAL, About("The ID of the failure mode, for `podid explain`.")]
    advice: Annotated[str, OR_NULL, OPTIONAL]
    details: Annotated[
        Sequence[str], OR_NULL, OPTIONAL, From("lines"), About("Details, a line each: a diff or a list.")
    ]
    settled: Annotated[
        Sequence[SettledBody],
        OPTIONAL,
        From(lambda _: None),
        About("The outcome of changes in which earlier runs were interrupted."),
    ]


class ErrorDocument(Document):
    """The error on stderr with `-o json` and `-o jsonl`, on one line."""

    error: Annotated[ErrorBody, From("")]
