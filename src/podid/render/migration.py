"""The plan and the status of a migration: a line for each item, then what blocks it and the next commands."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from podid.domain.migration import MigrationCleanup, MigrationItem, MigrationPlan, MigrationStatus, Stage
from podid.domain.names import role_name
from podid.domain.text import count_of
from podid.render.view import Column, Line, Table, View, document, table_of

_STYLES = {Stage.OLD: "", Stage.FINISHED: "good", Stage.PROVEN: "good", Stage.MOVED: "good"}


def migration_plan_view(plan: MigrationPlan, *, short: bool) -> View:
    """Return a row for each item, or lines for a person where it is `short`."""
    empty = "nothing to migrate: no service account uses IRSA"
    lines = item_lines(plan.items) if short and plan.items else []
    return View(document(MigrationPlan, plan), (_table(plan.items, empty),), _names(plan.items), tuple(lines))


def migration_status_view(status: MigrationStatus, *, short: bool) -> View:
    empty = "nothing to migrate: no service account uses IRSA"
    lines: list[str | Line] = []
    if short and status.items:
        lines = [*item_lines(status.items), *(f"Next  {shlex.join(command)}" for command in status.next)]
    return View(document(MigrationStatus, status), (_table(status.items, empty),), _names(status.items), tuple(lines))


def cleanup_view(leftovers: MigrationCleanup) -> View:
    table = table_of(
        leftovers.items,
        ("KIND", "kind"),
        (Column("ARN", folds=1), "arn"),
        (Column("REASON", prose=True, folds=2), "reason"),
        empty="nothing to clean up",
    )
    return View(document(MigrationCleanup, leftovers), (table,), tuple(item.arn for item in leftovers.items))


def _names(items: Sequence[MigrationItem]) -> tuple[str, ...]:
    return tuple(item.target for item in items)


def _table(items: Sequence[MigrationItem], empty: str) -> Table:
    return table_of(
        items,
        ("NAMESPACE", "ref.namespace"),
        ("SERVICE ACCOUNT", "ref.name"),
        ("STAGE", "stage", lambda item: _STYLES.get(item.stage, "warn")),
        (Column("ROLE", folds=2), "role_arn"),
        (Column("PODS", right=True), lambda item: f"{item.pods.pod_identity}/{item.pods.total}"),
        (Column("BLOCKERS", prose=True, folds=1), lambda item: ", ".join(b.id for b in item.blockers) or None),
        (Column("WARNINGS", wide=True, prose=True), lambda item: ", ".join(w.id for w in item.warnings) or None),
        (Column("SOURCE", wide=True), "source"),
        empty=empty,
    )


def item_lines(items: Sequence[MigrationItem]) -> list[str | Line]:
    if not items:
        return []
    width = max(len(item.target) for item in items)
    lines: list[str | Line] = [line for item in items for line in _item_lines(item, width)]
    stages = Counter(item.stage for item in items)
    blocked = sum(bool(item.blockers) for item in items)
    counts = ", ".join(f"{stages[stage]} {stage}" for stage in Stage if stages[stage])
    blocks = f"; {blocked} blocked" if blocked else ""
    return [*lines, f"{count_of(len(items), 'service account')}: {counts}{blocks}"]


def _item_lines(item: MigrationItem, width: int) -> list[str | Line]:
    mark, style = ("✗", "bad") if item.blockers else ("!", "warn") if item.warnings else ("·", "")
    pods = item.pods
    counted = f"{pods.pod_identity} of {count_of(pods.total, 'pod')} moved" if pods.total else "no pods"
    words = f"{mark} {item.target.ljust(width)}  {item.stage:<10}  role {role_name(item.role_arn)}, {counted}"
    lines: list[str | Line] = [Line(words, style, upto=1)]
    for blocker in item.blockers:
        lines.append(f"    {blocker.id}: {blocker.message}")
        lines += [f"      Fix   {shlex.join(command)}" for command in blocker.way_out]
    lines += [Line(f"    {warning.id}: {warning.message}", "warn", upto=0) for warning in item.warnings]
    if item.unknown:
        lines.append(Line(f"    not checked: {', '.join(item.unknown)}", "dim"))
    return lines
