"""Sessions of pods: the pod of each, and their calls."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

from podid.domain.members import FLAT, Document, From, list_of
from podid.domain.text import count_of, short_list, utc
from podid.ops.session.activity import Activity
from podid.ops.session.issue import IssuedIdentity
from podid.ops.session.trace import SessionTrace
from podid.render.view import NOTHING, Column, Line, View, age, document, facts, one_or_list, sentence, table_of


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
    lines = [line for trace in traces for line in ("", *_lines(trace, now))][1:]
    body = one_or_list(SessionTraceDocument, SessionTraceListDocument, traces)
    unread = tuple(dict.fromkeys(f"not known: {part}" for trace in traces for part in trace.unknown))
    return View(body, (table,), names, tuple(lines), exact=True, unread=unread)


def _lines(trace: SessionTrace, now: datetime) -> Iterator[str | Line]:
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


def activity_view(activity: Activity) -> View:
    """Return a row for each action. A terminal also shows the last error of each, and the limits of the source."""
    until = activity.until
    table = table_of(
        activity.actions,
        ("ACTION", "action", lambda item: "bad" if item.denied else "warn" if item.errors else ""),
        (Column("CALLS", right=True), "calls"),
        (Column("ERRORS", right=True, nothing="0"), "errors"),
        (Column("DENIED", right=True, nothing="0"), "denied"),
        (Column("FIRST", folds=2), lambda item: f"{age(item.first, until)} ago"),
        (Column("LAST", folds=1), lambda item: f"{age(item.last, until)} ago"),
        (Column("LAST ERROR", wide=True, prose=True), lambda item: item.last_error or NOTHING),
        empty=f"no calls of {activity.ref} since {utc(activity.since)} in {_sessions(activity)}",
    )
    names = tuple(item.action for item in activity.actions)
    return View(document(Activity, activity), (table,), names)


def activity_notes(activity: Activity) -> tuple[str | Line, ...]:
    """Return the summary and the limits, for stderr."""
    summary = (
        f"{activity.ref}: {count_of(activity.calls, 'call')} in {_sessions(activity)} since {utc(activity.since)}, "
        f"{activity.errors} failed, {activity.denied} denied"
    )
    limits = [Line(f"Not included: {'; '.join(activity.limits)}", "dim")] if activity.limits else []
    return summary, *limits


def _sessions(activity: Activity) -> str:
    return count_of(activity.sessions, "session")


def issued_view(identity: IssuedIdentity) -> View:
    pairs = [
        ("caller", identity.caller_arn),
        ("account", identity.account),
        ("role", identity.role_arn),
        ("service account", str(identity.ref)),
        ("association", identity.association_id),
        ("pod", identity.pod),
        ("cluster", identity.cluster),
        ("expires", utc(identity.expires_at)),
    ]
    return View(document(IssuedIdentity, identity), lines=tuple(facts(pairs)), names=(identity.caller_arn,), exact=True)
