"""Unused permissions, and the policies of a role reduced to the used ones, as a difference."""

import difflib
import json
from collections import Counter
from collections.abc import Iterable, Iterator

from podid.domain.text import count_of, short_list, utc
from podid.ops.audit.right_size import RightSizing, SizedPolicy
from podid.ops.audit.unused import UnusedReport
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
        (
            Column("PERMISSIONS", prose=True, folds=1),
            lambda item: short_list(item.services if item.kind == "service" else item.actions, limit) or NOTHING,
        ),
        ("LAST USED", lambda item: f"{age(item.last_used_at, report.taken_at)} ago" if item.last_used_at else "never"),
        (Column("REASON", prose=True, folds=2), lambda item: item.reason or NOTHING),
        empty=f"no unused association, role or permission in the last {count_of(days, 'day')}",
        unread=report.unread,
    )
    names = tuple(dict.fromkeys(item.subject or item.role for item in report.items))
    return View(document(UnusedReport, report), (table,), names)


def unused_notes(report: UnusedReport) -> Iterator[str | Line]:
    """Yield the summary, the parts that could not be read, and the limits, for stderr."""
    counts = Counter(item.verdict for item in report.items)
    yield f"{count_of(counts['unused'], 'item')} not used since {utc(report.since)}, {counts['unknown']} unknown"
    for words in (*(f"Not checked: {part}" for part in report.unread), *report.limits):
        yield Line(words, "dim")


_STYLES = {"+": "good", "-": "bad", "@": "dim"}


def right_size_view(sizing: RightSizing) -> View:
    """Return the difference of each policy; CSV and -o name list the policies."""
    table = table_of(
        sizing.policies,
        ("POLICY", "policy"),
        ("CHANGE", "change"),
        (Column("INLINE POLICY", wide=True), lambda item: item.inline_name or None),
    )
    names = tuple(item.policy for item in sizing.changed)
    return View(document(RightSizing, sizing), (table,), names, tuple(_lines(sizing)), exact=True)


def _lines(sizing: RightSizing) -> Iterator[str | Line]:
    role, since = sizing.role.name, utc(sizing.since)
    if not sizing.changed:
        yield f"Every permission of role {role} was used since {since}, or its use is not known"
    else:
        yield f"Role {role}: not used since {since}: {short_list(sizing.removed, 12)}"
    for item in sizing.changed:
        yield ""
        yield from _difference(item)
    if sizing.unknown:
        yield ""
        yield Line(f"Kept, because their use is not known: {short_list(sizing.unknown, 12)}", hang=2)


def _difference(item: SizedPolicy) -> Iterator[str | Line]:
    before, after = _text(item.before), _text(item.after) if item.after is not None else []
    new = f"inline policy {item.inline_name}" if item.after is not None else "/dev/null"
    old = f"managed policy {item.policy}" if item.managed else f"inline policy {item.policy}"
    for text in difflib.unified_diff(before, after, old, new, lineterm="", n=2):
        yield Line(text, _STYLES.get(text[:1], ""), code=True)


def _text(policy: object) -> list[str]:
    return json.dumps(policy, indent=2).splitlines()


def right_size_notes(notes: Iterable[str]) -> Iterator[str | Line]:
    """Yield the conditions of the result, for stderr."""
    yield from (Line(f"note: {note}", "dim") for note in notes)
