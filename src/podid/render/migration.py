"""The plan and the status of a migration: a line for each item, then blockers and the next commands."""

import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from podid.domain.grouping import grouped
from podid.domain.migration import MigrationCleanup, MigrationItem, MigrationPlan, MigrationStatus, Stage
from podid.domain.names import role_name
from podid.domain.text import count_of, short_list
from podid.render.view import Column, Line, Table, View, document, sentence, table_of

_STYLES = {Stage.OLD: "", Stage.FINISHED: "good", Stage.PROVEN: "good", Stage.MOVED: "good"}


def migration_plan_view(plan: MigrationPlan, *, short: bool) -> View:
    """Return a row for each item, or with `short` lines for a terminal."""
    empty = "nothing to migrate: no service account uses IRSA, kiam or kube2iam"
    lines = item_lines(plan.items) if short and plan.items else []
    return View(
        document(MigrationPlan, plan), (_table(plan.items, empty, plan.unread),), _names(plan.items), tuple(lines)
    )


def migration_status_view(status: MigrationStatus, *, short: bool) -> View:
    empty = "nothing to migrate: no service account uses IRSA, kiam or kube2iam"
    lines: list[str | Line] = []
    if short and status.items:
        agents = (Line(text, "dim") for agent in status.agents for text in agent.sentences)
        lines = [*item_lines(status.items), *agents, *(f"Next  {shlex.join(command)}" for command in status.next)]
    return View(
        document(MigrationStatus, status),
        (_table(status.items, empty, status.unread),),
        _names(status.items),
        tuple(lines),
    )


def cleanup_view(leftovers: MigrationCleanup) -> View:
    table = table_of(
        leftovers.items,
        ("KIND", "kind"),
        (Column("NAME", folds=1), "name"),
        (Column("REASON", prose=True, folds=2), "reason"),
        empty="nothing to clean up",
        unread=leftovers.unread or leftovers.unreadable,
    )
    return View(document(MigrationCleanup, leftovers), (table,), tuple(item.name for item in leftovers.items))


def _names(items: Sequence[MigrationItem]) -> tuple[str, ...]:
    return tuple(item.target for item in items)


def _table(items: Sequence[MigrationItem], empty: str, unread: Sequence[str]) -> Table:
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
        unread=unread,
    )


def item_lines(items: Sequence[MigrationItem]) -> list[str | Line]:
    """Return a line for each item, then each blocker and warning once, with the commands that solve it."""
    if not items:
        return []
    width = max(len(item.target) for item in items)
    # a note of every item is printed once, below
    common = set.intersection(*(set(_note_ids(item)) for item in items)) if len(items) > 1 else set()
    lines: list[str | Line] = [_item_line(item, width, common) for item in items]
    for mark, style, notes in (("✗", "bad", _blockers(items)), ("!", "warn", _warnings(items))):
        for name, targets in notes.items():
            lines += ["", *_cause_lines(Line(f"{mark} {name}  {_who(targets)}", style, upto=1), targets)]
    unknown = dict.fromkeys(subject for item in items for subject in item.unknown)
    if unknown:
        lines.append(Line(f"Not checked: {short_list(unknown, 4)}", "dim"))
    stages = Counter(item.stage for item in items)
    blocked = sum(bool(item.blockers) for item in items)
    counts = ", ".join(f"{stages[stage]} {stage}" for stage in Stage if stages[stage])
    blocks = f"; {blocked} blocked" if blocked else ""
    names = {item.target for item in items}
    # with kiam and kube2iam, a service account can have several roles
    roles = f" with {len(items)} roles" if len(names) < len(items) else ""
    return [*lines, "", f"{count_of(len(names), 'service account')}{roles}: {counts}{blocks}"]


# the name of a blocker or warning -> the items that have it, each with the message and the commands
Notes = dict[str, list[tuple[str, str, tuple[tuple[str, ...], ...]]]]


def _blockers(items: Sequence[MigrationItem]) -> Notes:
    return grouped((b.id, (item.target, b.message, b.way_out)) for item in items for b in item.blockers)


def _warnings(items: Sequence[MigrationItem]) -> Notes:
    return grouped((warning.id, (item.target, warning.message, ())) for item in items for warning in item.warnings)


def _who(targets: list[tuple[str, str, tuple[tuple[str, ...], ...]]]) -> str:
    names = {target for target, *_ in targets}
    return targets[0][0] if len(names) == 1 else count_of(len(names), "service account")


def _cause_lines(head: Line, targets: list[tuple[str, str, tuple[tuple[str, ...], ...]]]) -> Iterator[str | Line]:
    """Yield the head, each message once, and each command once."""
    yield head
    for message in dict.fromkeys(message for _, message, _ in targets):
        yield f"  {sentence(message)}"
    for command in dict.fromkeys(command for _, _, commands in targets for command in commands):
        yield f"  Fix   {shlex.join(command)}"
    yield f"  More  podid explain {head.text.split()[1]}"


def _note_ids(item: MigrationItem) -> list[str]:
    return [*(blocker.id for blocker in item.blockers), *(warning.id for warning in item.warnings)]


def _item_line(item: MigrationItem, width: int, common: Collection[str]) -> Line:
    mark, style = ("✗", "bad") if item.blockers else ("!", "warn") if item.warnings else ("·", "")
    pods = item.pods
    counted = f"{pods.pod_identity} of {count_of(pods.total, 'pod')} moved" if pods.total else "no pods"
    names = [name for name in _note_ids(item) if name not in common]
    more = f"; {', '.join(names)}" if names else ""
    words = f"{mark} {item.target.ljust(width)}  {item.stage:<10}  role {role_name(item.role_arn)}, {counted}{more}"
    return Line(words, style, upto=1)
