"""The view of unused permissions."""

from collections.abc import Iterator

from podid.domain.text import count_of, short_list, utc
from podid.ops.audit.unused import UnusedItem, UnusedReport
from podid.render.view import NOTHING, Column, Line, View, age, document, table_of


def unused_view(report: UnusedReport, days: int, *, short: bool) -> View:
    """Return a row for each item. A terminal shows the beginning of long lists."""
    limit = 4 if short else 10_000
    table = table_of(
        report.items,
        ("KIND", "kind"),
        ("VERDICT", "verdict", lambda item: "warn" if item.verdict == "unknown" else ""),
        ("ROLE", "role"),
        (Column("SERVICE ACCOUNT", folds=1), lambda item: item.subject or NOTHING),
        (Column("PERMISSIONS", prose=True, folds=1), lambda item: short_list(_permissions(item), limit) or NOTHING),
        ("LAST USED", lambda item: f"{age(item.last_used_at, report.taken_at)} ago" if item.last_used_at else "never"),
        (Column("REASON", prose=True, folds=2), lambda item: item.reason or NOTHING),
        empty=f"no unused part: AWS reports a use of everything in the last {count_of(days, 'day')}",
        unread=report.unread,
    )
    names = tuple(dict.fromkeys(item.subject or item.role for item in report.items))
    return View(document(UnusedReport, report), (table,), names)


def _permissions(item: UnusedItem) -> tuple[str, ...]:
    return item.services if item.kind == "service" else item.actions


def unused_notes(report: UnusedReport) -> Iterator[str | Line]:
    """Yield the summary, the parts that could not be read, and the limits, for stderr."""
    counts: dict[str, int] = {}
    for item in report.items:
        counts[item.verdict] = counts.get(item.verdict, 0) + 1
    unused, unknown = counts.get("unused", 0), counts.get("unknown", 0)
    yield f"{count_of(unused, 'item')} not used since {utc(report.since)}, {unknown} unknown"
    for part in report.unread:
        yield Line(f"Not checked: {part}", "dim")
    for limit in report.limits:
        yield Line(limit, "dim")
