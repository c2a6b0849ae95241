"""The items of a migration, derived from one snapshot: the service accounts to migrate, the stage of each, and its
blockers.

A migration is read once; `podid.ops.migrate.judge` finds the blockers of an item.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from podid.calls.patience import Patience
from podid.checks.all import ALL
from podid.domain.aws import Association, UnreadAssociation, described
from podid.domain.errors import Again, Conflict, TimedOut
from podid.domain.findings import Subject
from podid.domain.migration import MigrationItem, MigrationPlan, MigrationStatus, OlderAgent, OlderWay, Stage
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Place, Plan
from podid.domain.section import Unread
from podid.domain.snapshot import Known, Missing, Section, Snapshot, error_of, known_or
from podid.facts.index import index
from podid.ops.change.journal import Journal
from podid.ops.clients import Clients
from podid.ops.migrate import metadata_proxies
from podid.ops.migrate.addons import read_supported
from podid.ops.migrate.base_role import BaseRole, with_remaining_base_role
from podid.ops.migrate.candidates import (
    MigrationCandidate,
    any_role_section,
    counts_of,
    find_candidates,
    find_leftovers,
    in_account,
    wished_associations,
)
from podid.ops.migrate.judge import MigrationJudge
from podid.ops.migrate.proxy_changes import OF_NODES
from podid.ops.migrate.request import ApplyOptions, MigrationOptions
from podid.ops.migrate.trail import MigrationTrail, read_trail
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.reading.scope import EVERYTHING, DoctorScope, resolve
from podid.ops.status.diagnose import Adjust
from podid.ops.status.prediction import overlaid, planned_associations

# the sections to find every previous mechanism, and the pods for the stage
PARTS = {"service_accounts": "service accounts", "pods": "pods", "associations": "associations", "addons": "add-ons"}
FOUND_IN = (*PARTS, "daemon_sets")
# and those for a migration that has begun; the roles of the nodes only with kiam and kube2iam
FOR_CHANGES = ("namespaces", "workloads", "config_map_keys", "roles", "target_roles")


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One reading of a cluster with its items. `plan` has the changes of all items without blockers. `source` is the
    only mechanism whose items were read; empty for all."""

    place: Place
    snapshot: Snapshot
    items: tuple[MigrationItem, ...]
    plan: Plan
    providers: tuple[str, ...]
    judge: MigrationJudge
    proxies: Section[metadata_proxies.ProxyReading]
    uses: metadata_proxies.ProxyUses | None
    source: str = ""

    @property
    def unread(self) -> tuple[str, ...]:
        """Return the parts that could not be read, with the reason and the missing permission."""
        return tuple(
            f"{gap.what} could not be read: {gap.reason}{f' (requires {gap.permission})' if gap.permission else ''}"
            for gap in self.gaps
        )

    @property
    def _sections(self) -> dict[str, Section[Any]]:
        """Return the sections that show the previous mechanisms."""
        names = dict(PARTS)
        if self.uses is not None and not self.uses.proxy.principal:
            names |= {"nodes": "nodes", "node_groups": "node groups", "other_node_roles": "roles of nodes"}
        return {"kiam and kube2iam": self.proxies, **{t: getattr(self.snapshot, name) for name, t in names.items()}}

    def _unread_roles(self, *associations: Association) -> Iterator[Missing]:
        """Yield the reasons why roles of these associations, by default of all, could not be read. A target role of
        another account is never read."""
        for association in associations or described(known_or(self.snapshot.associations, ())):
            for arn in filter(None, (association.role_arn, association.target_role_arn)):
                section = any_role_section(self.snapshot, arn)
                if isinstance(section, Missing) and in_account(arn, self.place):
                    yield section

    @property
    def gaps(self) -> tuple[Unread, ...]:
        """Return the unread parts: something there may need the previous mechanism."""
        # a trust policy may still allow the previous mechanism
        sections = {**self._sections, "roles of associations": next(self._unread_roles(), Known(None))}
        return tuple(Unread.of(name, gap) for name, gap in sections.items() if isinstance(gap, Missing))

    def check_read(self) -> None:
        """Raise the error that prevented reading service accounts, pods or associations: a change requires all of
        them."""
        for name in ("service_accounts", "pods", "associations"):
            section = getattr(self.snapshot, name)
            if isinstance(section, Missing):
                raise error_of(section)
        for item in self.items:
            self.association(item.ref)

    def association(self, ref: ServiceAccountRef) -> Association | None:
        """Return the association of the service account. Raise the error of one that could not be described."""
        association = index(self.snapshot).associations.get(ref)
        if isinstance(association, UnreadAssociation):
            raise error_of(Missing(association.reason, association.permission, association.error_code))
        return association

    def check_exist(self, refs: Collection[ServiceAccountRef], namespace: str | None) -> None:
        """Raise NotFound for one of `refs`, or a namespace, that is known not to exist, with the nearest names."""
        known = {item.ref for item in self.items}
        resolve(scope_of([ref for ref in refs if ref not in known], namespace), self.snapshot)

    def only(self, items: Sequence[MigrationItem]) -> Migration:
        """Return the migration of these items, whose plan has no changes for others."""
        plan = self.judge.plan_for({item.ref for item in items})
        return replace(self, items=tuple(items), plan=plan)

    def after(self, actions: Iterable[Action]) -> Migration:
        """Return the migration as it would be read after the actions, with the same items."""
        snapshot = overlaid(self.snapshot, actions, self.judge.now)
        return replace(self, snapshot=snapshot, judge=replace(self.judge, snapshot=snapshot))

    def below(self, until: Stage) -> tuple[MigrationItem, ...]:
        """Return the items that have not reached the stage. Whether pods are proven is always checked again."""
        reached = min(until.rank, Stage.MOVED.rank) if until is not Stage.PROVEN else Stage.PROVEN.rank
        return tuple(item for item in self.items if item.stage.rank < reached)

    def candidate(self, item: MigrationItem) -> MigrationCandidate | None:
        """Return the source of the item; None for one of several roles of a service account."""
        pairs = (c for c in self.judge.candidates if c.ref == item.ref and c.role_arn == item.role_arn)
        return next(pairs, None)

    def obstacles(self, item: MigrationItem, options: MigrationOptions) -> tuple[str, ...]:
        """Return why the item is skipped: blockers that are not accepted, and with --strict anything unknown."""
        several_roles = self.candidate(item) is None
        reasons = [
            f"{blocker.id}: {blocker.message}"
            for blocker in item.blockers
            if several_roles or blocker.firm or not options.accepts(item.ref, blocker.id)
        ]
        return (*reasons, *(f"not checked: {unknown}" for unknown in item.unknown if options.strict))

    def selected(self, options: ApplyOptions) -> tuple[tuple[MigrationItem, ...], Mapping[ServiceAccountRef, str]]:
        """Return the items to migrate, and those below the requested stage that are blocked, with the reasons."""
        items = self.below(options.until)
        blocked = {item.ref: "; ".join(why) for item in items if (why := self.obstacles(item, options.which))}
        return tuple(item for item in items if item.ref not in blocked), blocked

    def chosen(self, refs: Collection[ServiceAccountRef], namespace: str | None) -> tuple[MigrationItem, ...]:
        """Return the items of these service accounts, or of the namespace, or all of them."""
        return tuple(
            item for item in self.items if (item.ref in refs if refs else namespace in (None, "", item.ref.namespace))
        )

    def agents(self, removed: Collection[Subject] = ()) -> tuple[OlderAgent, ...]:
        """Return kiam and kube2iam with the workloads that they serve, without those whose annotations are `removed`;
        empty unless the whole cluster was read."""
        if self.snapshot.only_namespaces or not isinstance(self.proxies, Known):
            return ()
        return metadata_proxies.agents_of(self.proxies.value, self.uses, removed)

    def status(self, at_place: Callable[[tuple[str, ...]], tuple[str, ...]]) -> MigrationStatus:
        """Return the result of `podid migrate status`: the items, and associations without any trace of the previous
        mechanism."""
        items = sorted((*self.items, *self._clean()), key=lambda item: (item.stage.rank, item.ref))
        agents = self.agents()
        return MigrationStatus(
            cluster=self.place.the_cluster.arn,
            items=items,
            agents=agents,
            next=tuple(map(at_place, _next(self.items, agents))),
            unread=self.unread,
        )

    def _clean(self) -> Iterator[MigrationItem]:
        if self.source or any(isinstance(section, Missing) for section in self._sections.values()):
            return  # an association may be one of another mechanism, which was not read
        unfinished = {item.ref for item in self.items}
        for association in described(known_or(self.snapshot.associations, ())):
            if association.ref not in unfinished and not any(self._unread_roles(association)):
                pods = index(self.snapshot).pods.get(association.ref, ())
                yield MigrationItem(
                    ref=association.ref,
                    source=None,
                    role_arn=association.role_arn,
                    stage=Stage.CLEAN,
                    pods=counts_of(self.snapshot, pods),
                )

    def document(self) -> MigrationPlan:
        """Return the result of `podid migrate plan`: the unfinished items."""
        return MigrationPlan(
            cluster=self.place.the_cluster.arn,
            items=tuple(item for item in self.items if item.stage is not Stage.CLEAN),
            providers=self.providers,
            unread=self.unread,
        )


@contextmanager
def alone(journal: Journal, place: Place, patience: Patience) -> Iterator[None]:
    """Allow one migration of a cluster at a time on this machine. Raise Conflict if another one does not end."""
    name, cluster = place.cluster_name, place.the_cluster
    try:
        with journal.locks.held(f"migrate-{cluster.account}-{place.region}-{name}", f"cluster {name}", patience):
            yield
    except TimedOut as error:
        if error.subject != f"cluster {name}":
            raise
        raise Conflict(f"Another podid process is migrating cluster {name}", hint=Again(), subject=name) from error


def scope_of(refs: Collection[ServiceAccountRef], namespace: str | None) -> DoctorScope:
    """Return the service accounts that were specified, or all of a namespace or of the cluster."""
    return DoctorScope.of(refs) if refs else DoctorScope(namespace=namespace or "", typed=namespace or "")


def read_migration(
    clients: Clients,
    place: Place,
    options: MigrationOptions,
    scope: DoctorScope,
    *,
    now: datetime,
    journal: Journal | None,
    adjust: Adjust,
    tags: Mapping[str, str] | None = None,
    create: bool = False,
    first: Plan | None = None,
    base_role: BaseRole | None = None,
    begun: bool = False,
) -> Migration:
    """Read the cluster once and derive the items of `scope`. `tags` are those of new associations. With `create`,
    workloads get service accounts of their own if they need one. With `begun`, only items matter whose migration has
    begun, and no checks are made. The items are judged as if the plan `first` were carried out. Never raise for failed
    reads."""
    named, source = scope, options.from_
    if create and scope.named:  # the service accounts to create were not specified
        scope = DoctorScope(namespace=scope.namespaces[0]) if len(scope.namespaces) == 1 else EVERYTHING
    base = collect(clients, place, ReadRequest(checks=(), scope=scope), now=now, journal=journal, again=FOUND_IN)
    candidates = find_candidates(base, named)
    proxies: Section[metadata_proxies.ProxyReading] = Known(metadata_proxies.ProxyReading())
    several: list[MigrationItem] = []
    uses = None
    if source != OlderWay.IRSA:
        proxies = metadata_proxies.read_proxies(clients, place, base, bindings=create)
        uses = metadata_proxies.uses_of(known_or(proxies, metadata_proxies.ProxyReading()), base)
        if uses is not None:
            more, several = uses.candidates(named, {item.ref for item in candidates}, create=create)
            candidates = (*candidates, *more)
    candidates = tuple(candidate for candidate in candidates if source in ("", candidate.source))
    wished = wished_associations(place, candidates, base)
    planned = planned_associations(place, wished, now)
    checks = () if begun else ALL
    requested = ReadRequest(checks=checks, scope=scope, planned=planned)
    again = (*FOR_CHANGES, *(OF_NODES if uses is not None else ())) if begun else ()
    snapshot = collect(clients.for_many_roles(), place, requested, now=now, journal=journal, base=base, again=again)
    if source in ("", OlderWay.IRSA):
        candidates += find_leftovers(snapshot, place, candidates, named)
    if uses is not None and source in ("", uses.proxy.source):
        candidates += metadata_proxies.find_proxy_leftovers(snapshot, uses.proxy, candidates, named)
    if first is not None:
        snapshot = overlaid(snapshot, first.actions, now)
    snapshot = replace(snapshot, targets=tuple(candidate.ref for candidate in candidates))
    if base_role is not None and journal is not None:
        base_role = base_role.planned(clients, place, journal, candidates, index(base).associations, tags or {})
    associated = [c for c in candidates if c.ref in index(snapshot).associations]
    trail = read_trail(clients, place, associated, now) if options.cloudtrail else Known(MigrationTrail())
    new = [c for c in candidates if c not in associated]
    judge = MigrationJudge(
        place=place,
        snapshot=snapshot,
        candidates=candidates,
        now=now,
        checks=checks,
        accepted=options.accepts,
        adjust=adjust,
        tags=tags or {},
        trail=trail,
        base_role=base_role or BaseRole(),
        supported=read_supported(clients, snapshot, () if begun else new),
        quota=clients.trust_quota,
    )
    items, plan, providers = judge.items_and_plan()
    items = tuple(sorted((*items, *several), key=lambda item: (item.ref, item.role_arn)))
    return Migration(
        place=place,
        snapshot=snapshot,
        items=items,
        plan=plan,
        providers=providers,
        judge=judge,
        proxies=proxies,
        uses=uses,
        source=source,
    )


def _next(items: Iterable[MigrationItem], agents: Iterable[OlderAgent]) -> Iterator[tuple[str, ...]]:
    stages = {item.stage for item in items if not item.blockers}
    if any(item.blockers for item in items):
        yield ("podid", "migrate", "plan")
    if stages & {Stage.OLD, Stage.ADMITTED, Stage.ASSOCIATED}:
        yield ("podid", "migrate", "apply", "-A")
    if stages & {Stage.MOVED, Stage.PROVEN}:
        yield ("podid", "migrate", "finish", "-A")
    if any(not agent.serves for agent in agents):
        yield ("podid", "migrate", "cleanup")


def refs_to_roll_back(migration: Migration, namespace: str | None, journal: Journal) -> tuple[ServiceAccountRef, ...]:
    """Return the service accounts of the namespace, or of the cluster, whose migration has begun and that still have
    the previous mechanism. Include those whose rollback was interrupted before the pods were restarted, or before the
    association or the base role was deleted."""
    associations = index(migration.snapshot).associations

    def begun(item: MigrationItem) -> bool:
        return item.stage is not Stage.OLD or (item.pods.pod_identity > 0 and not item.state.association)

    def own(item: MigrationItem) -> Iterator[ServiceAccountRef]:
        """Yield the service accounts that podid gave to workloads that no longer use them."""
        for workload in item.workloads if item.source is not OlderWay.IRSA else ():
            association = associations.get(ServiceAccountRef(item.ref.namespace, workload.rpartition("/")[2]))
            if association is not None and getattr(association, "role_arn", "") == item.role_arn:
                yield association.ref

    items = [item for item in migration.items if namespace in (None, "", item.ref.namespace)]
    refs = {item.ref for item in items if begun(item)} | {ref for item in items for ref in own(item)}
    refs.update(with_remaining_base_role(items, migration.place.header, journal))
    return tuple(sorted(refs))
