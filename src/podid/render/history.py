"""The journal, as a document and as text."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

from podid.domain.dependents import ACCEPT
from podid.domain.members import FLAT, OPTIONAL, OR_NULL, About, Argv, Document, From, Time, list_of
from podid.domain.plan import Header
from podid.ops.change.records import Run, RunStatus
from podid.render.changes import ActionRow, RecordedActionBody, action_table, header_line, subject
from podid.render.view import Column, View, age, document, table_of


class RunBody(Document):
    run_id: str
    command: Argv
    started_at: Time
    status: RunStatus
    header: Annotated[Header, FLAT]
    undoes: Annotated[str, OR_NULL, About("The run that this run undid.")]
    undone_by: Annotated[str, OR_NULL, About("The run that undid this run.")]
    continued_by: Annotated[str, OR_NULL, About("The run that continued this run after an interruption.")]
    accepted_unread: Annotated[
        Sequence[str] | None,
        OPTIONAL,
        From(lambda run: run.accepted or None),
        About("Parts that could not be read, accepted by --accept-unread; omitted if there are none."),
    ]
    actions: Annotated[
        Sequence[RecordedActionBody],
        From(lambda run: _actions(run)),
        About("`open`: the outcome is not known. `planned`: not started."),
    ]


HistoryDocument = list_of("History", RunBody, "`podid history`, newest run first.")


def _actions(run: Run) -> list[ActionRow]:
    steps = [ActionRow(step.action, step.status or "open", step.after, step.reason) for step in run.steps]
    return [*steps, *(ActionRow(action, "planned", action.after) for action in run.untried)]


def history_view(runs: Sequence[Run], now: datetime, *, detail: bool, short: bool) -> View:
    """Return all runs as a table, or one run (`detail`) with its actions. `short` shortens unique run ids, for a
    terminal."""
    body, names = document(HistoryDocument, items=runs), tuple(run.run_id for run in runs)
    if detail and len(runs) == 1:
        return View(body, (action_table(_actions(runs[0])),), names, tuple(_run_lines(runs[0])))
    table = table_of(
        runs,
        ("RUN", lambda run: _short_id(run, runs) if short else run.run_id),
        (
            Column("STARTED", wide=not short, folds=1),
            lambda run: _ago(run.started_at, now) if short else run.started_at,
        ),
        (
            "STATUS",
            lambda run: _status(run) + (" (undo)" if run.undoes else ""),
            lambda run: _STYLES.get(run.status, ""),
        ),
        (Column("CHANGES", right=True, folds=2), lambda run: sum(step.changed for step in run.steps)),
        (Column("CLUSTER", folds=3), lambda run: run.header.cluster or None),
        (Column("COMMAND", prose=True), lambda run: shlex.join(("podid", *run.command))),
        (Column("ACCOUNT", wide=True), "header.account"),
        (Column("REGION", wide=True), "header.region"),
        (Column("CALLER", wide=True), "header.caller_arn"),
        empty="no changes yet",
    )
    return View(body, (table,), names)


_STYLES = {
    RunStatus.DONE: "good",
    RunStatus.FAILED: "bad",
    RunStatus.EMPTY: "dim",
    **dict.fromkeys((RunStatus.PARTIAL, RunStatus.INTERRUPTED, RunStatus.WRITTEN), "warn"),
}


def _status(run: Run) -> str:
    status = "written, effect not confirmed" if run.status is RunStatus.WRITTEN else str(run.status)
    return status + (", continued" if run.continued_by else "") + (", undone" if run.undone_by else "")


def _short_id(run: Run, runs: Sequence[Run]) -> str:
    end = run.run_id.rpartition("-")[2]
    return end if sum(other.run_id.endswith(end) for other in runs) == 1 else run.run_id


def _ago(text: str, now: datetime) -> str:
    try:
        return f"{age(datetime.fromisoformat(text), now)} ago"
    except (ValueError, TypeError):
        return text


def _run_lines(run: Run) -> Iterator[str]:
    yield f"{run.run_id}  {_status(run)}  {shlex.join(('podid', *run.command))}"
    yield f"  as {header_line(run.header)}"
    if run.undoes:
        yield f"  undoes {run.undoes}"
    if run.undone_by:
        yield f"  undone by {run.undone_by}"
    if run.continued_by:
        yield f"  continued by {run.continued_by}"
    yield from (f"  not read, and accepted by {ACCEPT}: {part}" for part in run.accepted)
    for step in run.steps:
        reason = f" ({step.reason})" if step.reason else ""
        yield f"  {step.number + 1}. {step.action.verb} {subject(step.action)}: {step.status or 'open'}{reason}"
    yield from (f"  -  {action.verb} {subject(action)}: not tried" for action in run.untried)
