"""The plan and the status of a migration: a line for each item, then blockers and the next commands."""

import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from podid.domain.grouping import grouped
from podid.domain.migration import (
    MigrationCleanup,
    MigrationItem,
    MigrationItems,
    MigrationPlan,
    MigrationStatus,
    Stage,
)
from podid.domain.names import role_name
from podid.domain.text import count_of, short_list
from podid.render.marks import marked
from podid.render.view import Column, Line, View, document, sentence, table_of

_BLOCKED, _WARNED = ("✗", "bad"), ("!", "warn")
# an item, with the message and the commands of its blocker or warning
Target = tuple[str, str, tuple[tuple[str, ...], ...]]
_STYLES = {Stage.OLD: "", Stage.CLEAN: "", Stage.PROVEN: "good", Stage.MOVED: "good"}


def migration_plan_view(plan: MigrationPlan, *, short: bool) -> View:
    """Return a row for each item, or with `short` lines for a terminal."""
    return _view(plan, [*item_lines(plan.items), *_part_lines(plan)] if short and plan.items else ())


def migration_status_view(status: MigrationStatus, *, short: bool) -> View:
    lines: list[str | Line] = []
    if short and status.items:
        agents = (Line(text, "dim") for agent in status.agents for text in agent.sentences)
        following = (f"Next  {shlex.join(command)}" for command in status.next)
        lines = [*item_lines(status.items), *_part_lines(status), *agents, *following]
    return _view(status, lines)


def cleanup_view(leftovers: MigrationCleanup) -> View:
    table = table_of(
        leftovers.items,
        ("KIND", "kind"),
        (Column("NAME", folds=1), "name"),
        (Column("REASON", prose=True, folds=2), "reason"),
        empty="nothing to clean up",
        unread=leftovers.unread or leftovers.unreadable,
    )
    names = tuple(item.name for item in leftovers.items)
    return View(document(MigrationCleanup, leftovers), (table,), names, unread=leftovers.gaps)


def _part_lines(result: MigrationItems) -> Iterator[str | Line]:
    """Yield the parts of the cluster that could not be read."""
    return (Line(sentence(part), "warn") for part in result.unread)


def _view(result: MigrationPlan | MigrationStatus, lines: Sequence[str | Line]) -> View:
    table = table_of(
        result.items,
        ("NAMESPACE", "ref.namespace"),
        ("SERVICE ACCOUNT", "ref.name"),
        ("STAGE", "stage", lambda item: _STYLES.get(item.stage, "warn")),
        (Column("ROLE", folds=2), "role_arn"),
        (Column("PODS", right=True), lambda item: f"{item.pods.pod_identity}/{item.pods.total}"),
        (Column("BLOCKERS", prose=True, folds=1), lambda item: ", ".join(b.id for b in item.blockers) or None),
        (Column("WARNINGS", wide=True, prose=True), lambda item: ", ".join(w.id for w in item.warnings) or None),
        (Column("SOURCE", wide=True), "source"),
        empty="nothing to migrate: no service account uses IRSA, kiam or kube2iam",
        unread=result.gaps,
    )
    names = tuple(item.target for item in result.items)
    return View(document(type(result), result), (table,), names, tuple(lines), unread=result.gaps)


def item_lines(items: Sequence[MigrationItem]) -> list[str | Line]:
    """Return a line for each item, then each blocker and warning once, with the commands that solve it."""
    if not items:
        return []
    width = max(len(item.target) for item in items)
    # a note of every item is printed once, below
    common = set.intersection(*(set(_note_ids(item)) for item in items)) if len(items) > 1 else set()
    lines: list[str | Line] = [_item_line(item, width, common) for item in items]
    blockers = grouped((b.id, (item.target, b.message, b.way_out)) for item in items for b in item.blockers)
    warnings = grouped((w.id, (item.target, w.message, ())) for item in items for w in item.warnings)
    for sign, notes in ((_BLOCKED, blockers), (_WARNED, warnings)):
        for name, targets in notes.items():
            lines += ["", *_cause_lines(sign, name, targets)]
    unknown = dict.fromkeys(subject for item in items for subject in item.unknown)
    if unknown:
        lines.append(Line(f"Not checked: {short_list(unknown, 4)}", "dim", only="short"))
        lines += [Line(f"Not checked: {fact}", only="full") for fact in unknown]
    stages = Counter(item.stage for item in items)
    blocked = sum(bool(item.blockers) for item in items)
    counts = ", ".join(f"{stages[stage]} {stage}" for stage in Stage if stages[stage])
    blocks = f"; {blocked} blocked" if blocked else ""
    names = {item.target for item in items}
    # with kiam and kube2iam, a service account can have several roles
    roles = f" with {len(items)} roles" if len(names) < len(items) else ""
    return [*lines, "", f"{count_of(len(names), 'service account')}{roles}: {counts}{blocks}"]


def _cause_lines(sign: tuple[str, str], name: str, targets: Sequence[Target]) -> Iterator[str | Line]:
    """Yield a blocker or warning with the items that have it, each message once, and each command once."""
    names = {target for target, *_ in targets}
    yield marked(sign, f"{name}  {targets[0][0] if len(names) == 1 else count_of(len(names), 'service account')}")
    for message in dict.fromkeys(message for _, message, _ in targets):
        yield f"  {sentence(message)}"
    for command in dict.fromkeys(command for _, _, commands in targets for command in commands):
        yield f"  Fix   {shlex.join(command)}"
    yield f"  More  podid explain {name}"


def _note_ids(item: MigrationItem) -> list[str]:
    return [*(blocker.id for blocker in item.blockers), *(warning.id for warning in item.warnings)]


def _item_line(item: MigrationItem, width: int, common: Collection[str]) -> Line:
    sign = _BLOCKED if item.blockers else _WARNED if item.warnings else ("·", "")
    pods = item.pods
    counted = f"{pods.pod_identity} of {count_of(pods.total, 'pod')} moved" if pods.total else "no pods"
    names = [name for name in _note_ids(item) if name not in common]
    more = f"; {', '.join(names)}" if names else ""
    role = role_name(item.role_arn)
    return marked(sign, f"{item.target.ljust(width)}  {item.stage:<10}  role {role}, {counted}{more}")
