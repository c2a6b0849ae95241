"""Find unused associations, roles, services and actions.

Sources: the last use of each role, IAM's reports on services and tracked actions, and CloudTrail for associations of a
role that others can assume too. An item that no source covers is unknown, not unused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Literal

from podid.calls.patience import Patience
from podid.domain import trust
from podid.domain.aws import Association, Role, UnreadAssociation
from podid.domain.cloudtrail import DAYS, LastUse, last_use, of_association
from podid.domain.errors import ExitCode, InvalidInput, PodidError
from podid.domain.iam import TRACKING, AccessedService, Usage, granted_actions, of_several, patterns_of, service_of
from podid.domain.members import OR_NULL, About, TextOrNull, kind
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.plan import Place
from podid.domain.policy.reduce import is_hidden, unreported
from podid.domain.section import Known, Missing, Section, Unread, attempt, known_or, part, whole
from podid.domain.snapshot import Snapshot
from podid.domain.text import count_of, short_list, utc
from podid.facts.privileges import Policies
from podid.ops.audit.usage import read_listed, read_usage
from podid.ops.clients import Clients
from podid.ops.reading.roles import policies_of_roles
from podid.ops.reading.scope import EVERYTHING, DoctorScope
from podid.ops.role.access import pod_access

SECTIONS = ("associations", "roles", "target_roles", "permission_policies")
# CloudTrail accepts two calls a second: at least one for each role, with 50 sessions
MOST_TRAILS, MOST_SESSIONS = 100, 500
Kind = Literal["association", "role", "service", "action"]
KINDS: tuple[Kind, ...] = ("association", "role", "service", "action")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedItem:
    """An item that was not used, or whose use podid cannot determine."""

    kind: Kind
    verdict: Literal["unused", "unknown"]
    role_arn: str
    namespace: TextOrNull = ""
    service_account: TextOrNull = ""
    services: Annotated[tuple[str, ...], About("Prefixes of services in IAM actions; `*` for all services.")] = ()
    actions: Annotated[tuple[str, ...], About("The actions, as SERVICE:ACTION, or patterns of them.")] = ()
    last_used_at: Annotated[datetime | None, About("Null if no use is known.")] = None
    source: Annotated[
        Literal["role-last-used", "service-last-accessed", "cloudtrail"], About("The source of the verdict.")
    ]
    reason: Annotated[str, OR_NULL, About("The reason why it is unknown, or details of the use.")] = ""

    @property
    def role(self) -> str:
        return self.role_arn.rpartition("/")[2]

    @property
    def subject(self) -> str:
        return f"{self.namespace}/{self.service_account}" if self.namespace else ""


@kind("UnusedReport", "`podid unused`.")
@dataclass(frozen=True, slots=True, kw_only=True)
class UnusedReport:
    """The items that were not used since a time."""

    cluster: str
    taken_at: datetime
    since: Annotated[datetime, About("The start of the period: parts that were used since then are not listed.")]
    items: tuple[UnusedItem, ...]
    unread: Annotated[tuple[Unread, ...], About("The parts that could not be read.")] = ()
    limits: Annotated[tuple[str, ...], About("The limits of the sources, in sentences.")] = ()

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.UNDETERMINED if self.unread else ExitCode.OK


def read_window(older_than: timedelta, now: datetime) -> datetime:
    """Return the start of the window. Raise InvalidInput if IAM does not report so old times."""
    if older_than > TRACKING:
        days = TRACKING.days
        raise InvalidInput(f"--older-than {older_than.days}d is longer than the {days} days that IAM reports")
    return now - older_than


def find_unused(
    clients: Clients, place: Place, scope: DoctorScope, since: datetime, patience: Patience, now: datetime
) -> UnusedReport:
    """Return the items that were not used since that time. Raise NotFound for a service account or namespace that does
    not exist, and the error if the associations could not be read."""
    clients = clients.for_many_roles()
    snapshot, listed = read_listed(clients, place, scope, SECTIONS, now)
    audit = _Audit(clients, place, snapshot, since, patience, now)
    associations = [item for item in listed if isinstance(item, Association)]
    for item in listed:
        if isinstance(item, UnreadAssociation):
            audit.unread.append(Unread(f"association {item.ref}", item.reason, item.permission))
    audit.of_roles(associations, others=scope == EVERYTHING)
    audit.of_associations(associations)
    audit.of_permissions(associations)
    return audit.report()


@dataclass(slots=True)
class _Audit:
    clients: Clients
    place: Place
    snapshot: Snapshot
    since: datetime
    patience: Patience
    now: datetime
    roles: dict[str, Section[Role | None]] = field(default_factory=dict)
    items: list[UnusedItem] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    limits: dict[str, None] = field(default_factory=dict)
    young: dict[str, None] = field(default_factory=dict)

    def report(self) -> UnusedReport:
        order = sorted(
            self.items, key=lambda item: (KINDS.index(item.kind), item.role, item.role_arn, item.subject, item.services)
        )
        young = [f"Not evaluated, because younger than the period: {short_list(self.young)}"] if self.young else []
        return UnusedReport(
            cluster=self.place.cluster_name,
            taken_at=self.now,
            since=self.since,
            items=tuple(order),
            unread=tuple(dict.fromkeys(self.unread)),
            limits=(*self.limits, *young),
        )

    def _used(self, role: Role) -> bool:
        return role.last_used_at is not None and role.last_used_at >= self.since

    def _new(self, created_at: datetime | None, name: str) -> bool:
        """Return whether it is younger than the window, so that it is not judged."""
        new = created_at is not None and created_at > self.since
        self.young |= {name: None} if new else {}
        return new

    def of_roles(self, associations: Sequence[Association], *, others: bool) -> None:
        """Judge the roles of associations; with `others` also all other roles that pods can assume. Roles with an
        association that is younger than the window are not judged."""
        for item in associations:
            self.roles[item.role_arn] = part(self.snapshot.roles, item.role_arn)
            if item.target_role_arn:
                self.roles[item.target_role_arn] = part(self.snapshot.target_roles, item.target_role_arn)
        if others:
            self._add_others()
        began: dict[str, datetime] = {}
        for listed in known_or(self.snapshot.associations, ()):
            if isinstance(listed, Association) and (at := listed.modified_at or listed.created_at) is not None:
                for arn in (listed.role_arn, listed.target_role_arn or ""):
                    began[arn] = max(at, began.get(arn, at))
        for arn, section in self.roles.items():
            role = known_or(section, None)
            if isinstance(section, Missing):
                self.unread.append(Unread(f"role {role_name(arn)}", section.reason, section.permission))
            elif role is None or self._used(role):
                continue
            elif not any(self._new(at, f"role {role.name}") for at in (role.created_at, began.get(arn))):
                self.limits["IAM may not record requests other than calls of AWS APIs, such as logins to databases"] = (
                    None
                )
                idle = UnusedItem(kind="role", verdict="unused", role_arn=arn, source="role-last-used")
                self.items.append(replace(idle, last_used_at=role.last_used_at))

    def _add_others(self) -> None:
        iam = self.clients.iam
        try:
            names = [role.name for role in iam.list_roles() if role.arn not in self.roles and _for_pods(role)]
            for name, answer in iam.find_roles(names):
                if isinstance(answer, PodidError):
                    self.unread.append(Unread.of(f"role {name}", answer))
                elif answer is not None:
                    self.roles[answer.arn] = Known(answer)
        except PodidError as error:
            self.unread.append(Unread.of("roles without an association", error))

    def of_associations(self, associations: Iterable[Association]) -> None:
        searched = 0
        for item in associations:
            role = known_or(self.roles[item.role_arn], None)
            # with its previous role it may have been used
            if role is None or self._new(item.modified_at or item.created_at, f"association {item.ref}"):
                continue
            if not self._used(role):
                self._add_association(item, "unused", role.last_used_at, "role-last-used")
            elif not self._exclusive(role, item.ref):
                searched += 1
                self._of_shared(item, role, searched)

    def _of_shared(self, item: Association, role: Role, searched: int) -> None:
        """Judge an association by the sessions of the role, which others can assume too."""
        if searched > MOST_TRAILS:
            reason = f"CloudTrail was searched for the first {MOST_TRAILS} associations of shared roles only"
            self._add_association(item, "unknown", None, "cloudtrail", reason)
            return
        kept = self.now - timedelta(days=DAYS)
        begin = max(self.since, kept)
        fits = of_association(item.ref, self.place.the_cluster.arn, tagged=item.session_tags)
        trail = self.clients.aws.cloudtrail
        looked: Section[LastUse] = attempt(
            lambda: last_use(trail.iter_sessions(item.role_arn, begin), fits, begin, MOST_SESSIONS)
        )
        self.patience.say(f"searching CloudTrail for sessions of {item.ref}")
        if isinstance(looked, Missing):
            self.unread.append(Unread(f"sessions of {item.ref}", looked.reason, looked.permission))
            self._add_association(item, "unknown", None, "cloudtrail", looked.reason)
        elif looked.value.session is None:
            back = looked.value.since
            others = f"role {role.name} was used, and others can assume it"
            if back <= self.since:
                self._add_association(item, "unused", None, "cloudtrail", others)
            else:
                reason = f"{others}; CloudTrail shows no session of this service account back to {utc(back)}"
                self._add_association(item, "unknown", None, "cloudtrail", reason)

    def _add_association(
        self,
        item: Association,
        verdict: Literal["unused", "unknown"],
        last: datetime | None,
        source: Literal["role-last-used", "cloudtrail"],
        reason: str = "",
    ) -> None:
        self.items.append(
            UnusedItem(
                kind="association",
                verdict=verdict,
                role_arn=item.role_arn,
                namespace=item.namespace,
                service_account=item.service_account,
                last_used_at=last,
                source=source,
                reason=reason,
            )
        )

    def _exclusive(self, role: Role, ref: ServiceAccountRef) -> bool:
        """Return whether the trust policy allows this service account only, so that each use of the role is its own."""
        try:
            policy = trust.parse_policy(role.trust)
            scopes = pod_access(role, (self.place.the_cluster.arn,), self.place.region).scopes
        except InvalidInput:
            return False
        return not trust.other_principals(policy) and len(scopes) == 1 and scopes[0].startswith(f"only {ref} in ")

    def of_permissions(self, associations: Iterable[Association]) -> None:
        """Judge the permissions of the roles that were used. All permissions of the others are unused."""
        arns = dict.fromkeys(arn for item in associations for arn in (item.role_arn, item.target_role_arn) if arn)
        roles = {arn: role for arn in arns if (role := known_or(self.roles[arn], None)) is not None}
        used = [
            arn
            for arn, role in roles.items()
            if self._used(role) and not self._new(role.created_at, f"role {role.name}")
        ]
        own = self.snapshot.permission_policies
        policies: dict[str, Section[Policies]]
        policies = dict.fromkeys(used, own) if isinstance(own, Missing) else dict(own.value)
        policies |= policies_of_roles(self.clients.iam, [arn for arn in used if arn not in policies])
        granted: dict[str, tuple[str, ...]] = {}
        for arn in used:
            section = whole(policies[arn])
            if isinstance(section, Missing):
                self.unread.append(Unread(f"policies of role {role_name(arn)}", section.reason, section.permission))
            elif actions := granted_actions(section.value.values()):
                granted[arn] = actions
        for arn, usage in read_usage(self.clients.iam, granted, self.patience).items():
            if isinstance(usage, Missing):
                self.unread.append(Unread(f"last use of role {role_name(arn)}", usage.reason, usage.permission))
            else:
                self.items += self._of_role(arn, granted[arn], usage.value)

    def _of_role(self, arn: str, granted: Sequence[str], usage: Usage) -> Iterator[UnusedItem]:
        make = partial(UnusedItem, role_arn=arn, source="service-last-accessed")
        for service in sorted({service_of(action) for action in granted}):
            if service == "*":
                yield from self._of_all(make, granted, usage)
                continue
            patterns = patterns_of(service, granted)
            accessed = usage.get(service)
            if hidden := unreported(patterns):
                yield _hidden(make, hidden)
            if not (patterns := tuple(item for item in patterns if item not in hidden)):
                continue
            if accessed is None:
                reason = "IAM does not report this service"
                yield make(kind="service", verdict="unknown", services=(service,), actions=patterns, reason=reason)
            elif not accessed.used(self.since):
                last = accessed.last
                yield make(kind="service", verdict="unused", services=(service,), actions=patterns, last_used_at=last)
            else:
                yield from self._of_actions(make, accessed, patterns)

    def _of_all(self, make: Make, granted: Sequence[str], usage: Usage) -> Iterator[UnusedItem]:
        """Judge patterns of several services, such as `*`."""
        named = {service_of(action) for action in granted}
        actions = patterns_of("*", granted)
        if hidden := tuple(item for item in unreported(actions) if service_of(item) not in named):
            yield _hidden(make, hidden)
        reached = [item for item in usage.values() if item.name not in named and of_several(item.name, granted)]
        idle = tuple(item.name for item in reached if not item.used(self.since))
        busy = [item.name for item in reached if item.used(self.since)]
        if idle:
            of_all = f"{len(idle)} of {count_of(len(reached), 'service')}"
            reason = f"{of_all}; used: {short_list(busy, 20) or 'none'}"
            yield make(kind="service", verdict="unused", services=idle, actions=actions, reason=reason)

    def _of_actions(self, make: Make, accessed: AccessedService, patterns: Sequence[str]) -> Iterator[UnusedItem]:
        calls = accessed.called(self.since)
        tracked = [item for item in accessed.tracked(patterns) if not is_hidden(f"{accessed.name}:{item.name}", calls)]
        idle = [item for item in tracked if item.last is None or item.last < self.since]
        if idle:
            names = tuple(f"{accessed.name}:{item.name}" for item in idle)
            last = max((item.last for item in idle if item.last is not None), default=None)
            yield make(kind="action", verdict="unused", services=(accessed.name,), actions=names, last_used_at=last)
        known = {f"{accessed.name}:{item.name}".lower() for item in tracked}
        untracked = tuple(pattern for pattern in patterns if pattern.lower() not in known)
        if untracked:
            reason = "the service was used, and IAM does not report each of these actions"
            item = make(kind="action", verdict="unknown", services=(accessed.name,), actions=untracked, reason=reason)
            yield replace(item, last_used_at=accessed.last)
            self.limits["IAM reports only management actions of some services one by one"] = None


Make = Callable[..., UnusedItem]


def _hidden(make: Make, actions: tuple[str, ...]) -> UnusedItem:
    services = tuple(dict.fromkeys(map(service_of, actions)))
    reason = f"IAM does not report the use of {'this action' if len(actions) == 1 else 'these actions'}"
    return make(kind="action", verdict="unknown", services=services, actions=actions, reason=reason)


def _for_pods(role: Role) -> bool:
    try:
        return not role.service_linked and pod_access(role).names_pods
    except InvalidInput:
        return False
