"""Read the files of a command and plan them for each of their clusters: the common part of plan, apply and diff."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from podid.cli.access import Access
from podid.cli.changing import Change
from podid.cli.multicluster import check_no_context
from podid.domain.aws import Association
from podid.domain.errors import UsageError
from podid.domain.fileplan import FilePlan
from podid.ops.clusters import tagged_clusters
from podid.ops.declare.clusters import FileSite, check_declared_once, clusters_of
from podid.ops.declare.files import read_files
from podid.ops.declare.foreign import describing
from podid.ops.declare.plan import FilePlanner
from podid.ops.declare.request import FileOptions, Ownership


@dataclass(frozen=True, slots=True)
class PlannedFiles:
    """The plans of files, each with the name of its cluster and its change there."""

    parts: tuple[tuple[str, Change, FilePlan], ...]

    @property
    def plans(self) -> tuple[FilePlan, ...]:
        return tuple(plan for _, _, plan in self.parts)


def reach(
    access: Access, options: FileOptions, *, settle: bool, annotations: bool = False
) -> list[tuple[str, Change, FileSite]]:
    """Return each cluster of the files by its name, with the change there. Raise UsageError without a file, and without
    allowed roles if `annotations` name roles; and as `read_files` does."""
    terminal = access.terminal

    def listed(name: str) -> Sequence[Association]:
        with terminal.working(f"reading the associations of {name}"):
            return access.of(cluster=name).aws.eks.list_associations(name)

    declarations = read_files(options, read_file=terminal.read_file, describe=describing(listed))
    if annotations and not any(item.allowed_roles for item in declarations):
        raise UsageError("--from-annotations requires allowedRoles in a file: patterns of roles")

    def tagged(tags: Mapping[str, str]) -> Collection[str]:
        with terminal.working("reading the clusters' tags"):
            return tagged_clusters(access.aws.eks, tags, access.aws.region)

    by_cluster = clusters_of(declarations, access.typed_clusters, tagged)
    for items in by_cluster.values():
        check_declared_once(items)
    if len(by_cluster) > 1:
        check_no_context(access)
    own = tuple(item.guard for item in declarations if item.guard is not None)
    # a cluster may be listed by its name and by its ARN
    reached: dict[str, tuple[str, Change, FileSite]] = {}
    for name, items in by_cluster.items():
        local = access.of(cluster=name) if name else access
        local.own_guards = own
        change = Change(local, local.place(for_change=True))
        arn = change.place.the_cluster.arn
        if settle and arn not in reached:
            change.settle()
        first = (name, change, FileSite(clients=local.clients, place=change.place))
        name, change, site = reached.get(arn, first)
        reached[arn] = name, change, site.adding(items)
    return list(reached.values())


def planned(access: Access, options: FileOptions, ownership: Ownership, *, settle: bool = False) -> PlannedFiles:
    """Return the plan of the files for each cluster. With `settle` interrupted runs are settled first. Raise as `reach`
    and `FilePlanner` do."""
    reached = reach(access, options, settle=settle, annotations=ownership.from_annotations)
    with access.terminal.working("reading the account") as progress:
        planner = FilePlanner(
            sites=[site for *_, site in reached],
            ownership=replace(ownership, take_over=access.shared.take_over, accept_unread=access.shared.accept_unread),
            journal=access.journal_to_read,
            now=access.runtime.now(),
            say=progress.glance,
            guards=reached[0][1].access.guards(),
        )
        plans = planner.plan()
    return PlannedFiles(tuple((name, change, plan) for (name, change, _), plan in zip(reached, plans, strict=True)))


def with_effects(files: PlannedFiles, *, restart: bool = False, force: bool = False) -> PlannedFiles:
    """Return the plans with their effect on pods. Raise Conflict if a restart would leave new pods without credentials,
    unless `force`."""
    parts = []
    # the first plan has the changes of roles for all clusters
    roles = [action for action in files.plans[0].plan.actions if "roleName" in action.keys]
    for name, change, item in files.parts:
        change = replace(change, restart=restart, force=force)
        refs = tuple(dict.fromkeys((*item.affected, *(item.declared if restart else ()))))
        if refs and not item.conflicts:
            first = [] if item is files.plans[0] else roles
            outlook = change.with_outlook(replace(item.plan, actions=(*first, *item.plan.actions)), refs).outlook
            item = replace(item, plan=replace(item.plan, outlook=outlook) if item.plan.actions else item.plan)
        parts.append((name, change, item))
    return PlannedFiles(tuple(parts))
