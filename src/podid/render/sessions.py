"""Sessions of pods: the pod of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

from podid.domain.members import FLAT, Document, From, list_of
from podid.domain.text import short_list, utc
from podid.ops.session.trace import SessionTrace
from podid.render.view import NOTHING, Column, Line, View, age, facts, one_or_list, sentence, table_of


class SessionTraceDocument(Document, kind="SessionTrace"):
    """`podid trace`."""

    trace: Annotated[SessionTrace, FLAT, From("")]


SessionTraceListDocument = list_of("SessionTraceList", SessionTrace, "`podid trace` with several sessions.")
_SOURCES = {
    "event": "the session tags in the event",
    "cloudtrail": "the session tags in CloudTrail",
    "cluster": "the session name and the running pods",
}


def traces_view(traces: Sequence[SessionTrace], now: datetime) -> View:
    table = table_of(
        traces,
        (Column("SESSION", folds=3), "session.name"),
        ("SERVICE ACCOUNT", "ref"),
        ("POD", lambda trace: trace.pod or NOTHING),
        (Column("WORKLOAD", folds=1), "workload"),
        (Column("NODE", folds=2), lambda trace: trace.node or NOTHING),
        (Column("CLUSTER", folds=2, wide=True), lambda trace: trace.cluster or NOTHING),
        (Column("SOURCE", wide=True), "source"),
    )
    names = tuple(f"{trace.namespace}/{trace.pod}" for trace in traces if trace.pod)
    lines = [line for number, trace in enumerate(traces) for line in _lines(trace, now, first=not number)]
    document = one_or_list(SessionTraceDocument, SessionTraceListDocument, traces)
    return View(document, (table,), names, tuple(lines), exact=True)


def _lines(trace: SessionTrace, now: datetime, *, first: bool) -> Iterator[str | Line]:
    if not first:
        yield ""
    started = f"{utc(trace.started_at)}, {age(trace.started_at, now)} ago" if trace.started_at is not None else NOTHING
    state = "" if trace.state == "unknown" else f" ({trace.state})"
    yield from facts(
        [
            ("session", trace.session.arn or trace.session.name),
            ("service account", str(trace.ref or NOTHING)),
            ("pod", f"{trace.pod}{state}" if trace.pod else NOTHING),
            ("workload", str(trace.workload or NOTHING)),
            ("node", trace.node or NOTHING),
            ("images", short_list(trace.images) or NOTHING),
            ("role", trace.role_arn or NOTHING),
            ("association", trace.association_id or NOTHING),
            ("cluster", trace.cluster or NOTHING),
            ("started", started),
            ("source", _SOURCES[trace.source]),
        ]
    )
    if trace.candidates:
        yield f"Pods whose names match: {short_list(trace.candidates, 10)}"
    for part in trace.unknown:
        yield Line(sentence(f"Not known: {part}"), "dim")
