"""Permissions of the sessions of a service account's pods: the policies of their role and how they get it.

With a target role, the pods have the credentials of the target role. Then the association's role must be able to assume
it: otherwise the pods have no credentials and no permissions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Annotated

from podid.domain import trust
from podid.domain.aws import Association, Cluster, Decision
from podid.domain.members import OR_NULL, About, TextOrNull
from podid.domain.names import Arn, role_name
from podid.domain.plan import Place
from podid.domain.policy.evaluate import AccessVerdict, Layer, LayerKind, RoleAccess, Ruling
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import parse_permissions
from podid.domain.section import Known, Missing, Section, Unread, missing
from podid.facts.privileges import RoleGrants, session_policy
from podid.facts.second_hop import OTHER_ACCOUNT, SIMULATE, SecondHop, elsewhere, second_hop
from podid.ops.clients import Clients
from podid.ops.reading.roles import grants_of_roles
from podid.ops.role.resolve import resolve_role

Values = Mapping[str, tuple[str, ...]]
# https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
FREE = "sts:getcalleridentity"
_EXPLICIT, _IMPLICIT = "explicitDeny", "implicitDeny"
_POLICIES = ": reading its policies"


@dataclass(frozen=True, kw_only=True)
class SessionAccess:
    """The access of pods' sessions. `grants` are those of the role of the sessions, None for policies in files; `base`
    those of the association's role, if it assumes a target role. `association` is None for a role by itself. `profile`
    is the AWS profile for the role, empty for the caller's own credentials; `not_simulated` is the reason why IAM's
    simulator cannot be called."""

    access: RoleAccess
    grants: RoleGrants | None = None
    base: RoleGrants | None = None
    association: Association | None = None
    hop: SecondHop | None = None
    unread: tuple[Unread, ...] = ()
    profile: str = ""
    not_simulated: Unread | None = None

    @property
    def role_arn(self) -> str:
        """Return the ARN of the role of the sessions; empty for policies in files."""
        return self.access.session.role_arn

    @cached_property
    def obstacle(self) -> Ruling | None:
        """Return why there is no session, or why that is not known; None if there is one."""
        for grants in (self.base, self.grants):
            if grants is not None and grants.gone:
                return Ruling(action="", verdict=AccessVerdict.DENIED, reason=f"role {grants.arn} does not exist")
        if self.hop is None:
            return None
        if self.hop.error is not None:
            return Ruling(action="", verdict=AccessVerdict.DENIED, reason=self.hop.error.message)
        for why in self.hop.unknowns:
            role = role_name(self.hop.association.role_arn)
            reason = f"not known whether role {role} can assume role {role_name(self.role_arn)}: {why.reason}"
            return Ruling(action="", verdict=AccessVerdict.UNKNOWN, reason=reason, missing_permission=why.permission)
        return None

    def ruling(self, action: str, resource: str = "") -> Ruling:
        """Return the access to the action on the resource, or on any resource if it is empty."""
        ruling, obstacle = self.access.ruling(action, resource), self.obstacle
        if action.lower() == FREE:
            reason = "AWS requires no permission for it"
            ruling = replace(ruling, verdict=AccessVerdict.ALLOWED, layer="", statement=None, reason=reason, keys=())
        if obstacle is None:
            return self._across_accounts(ruling)
        if obstacle.verdict is AccessVerdict.DENIED:
            return replace(obstacle, action=action, resource=resource)
        if ruling.verdict is AccessVerdict.ALLOWED or ruling.resources:
            permission = obstacle.missing_permission
            return replace(ruling, verdict=obstacle.verdict, reason=obstacle.reason, missing_permission=permission)
        return ruling

    def _across_accounts(self, ruling: Ruling) -> Ruling:
        """Return unknown for allowed resources of another account: the resource's own policy decides too."""
        parts = ruling.resource.split(":", 5)
        own = self.access.session.account
        if not ruling.resources or len(parts) < 6 or not parts[4].isdigit() or not own or parts[4] == own:
            return ruling
        reason = f"the resource is in account {parts[4]}: a resource policy there must allow it too"
        return replace(ruling, verdict=AccessVerdict.UNKNOWN, resources=(), except_=(), reason=reason)


class OfSession:
    """The members of documents about one session."""

    access: SessionAccess

    @property
    def cluster(self) -> TextOrNull:
        return getattr(self.access.association, "cluster_name", "")

    @property
    def namespace(self) -> TextOrNull:
        return getattr(self.access.association, "namespace", "")

    @property
    def service_account(self) -> TextOrNull:
        return getattr(self.access.association, "service_account", "")

    @property
    def association_id(self) -> TextOrNull:
        return getattr(self.access.association, "association_id", "")

    @property
    def role_arn(self) -> Annotated[str, OR_NULL, About("The role of the pods' credentials; null for policy files.")]:
        return self.access.role_arn


def read_role_grants(clients: Clients, text: str, *, account: str, partition: str) -> RoleGrants:
    """Return the policies of a role by name or ARN. Raise NotFound with the nearest names, InvalidInput for a role of
    another account."""
    resolved = resolve_role(clients, text, account=account, partition=partition)
    role = missing(resolved.denied) if resolved.denied is not None else Known(resolved.role)
    return grants_of_roles(clients.iam, [resolved.arn], {resolved.arn: role})[resolved.arn]


def of_files(policies: Mapping[str, Mapping[str, object]], session: RoleSession) -> SessionAccess:
    parsed = tuple(parse_permissions(name, LayerKind.IDENTITY.value, document) for name, document in policies.items())
    access = RoleAccess(session, (Layer(LayerKind.IDENTITY, "policy in the files", parsed),))
    return SessionAccess(access=access, not_simulated=Unread("IAM's simulator", "it requires a role"))


def of_role(grants: RoleGrants, session: RoleSession) -> SessionAccess:
    """Return the access of sessions of the role, whatever assumes it."""
    access = RoleAccess(_as_role(session, grants), grants.layers)
    return SessionAccess(access=access, grants=grants, unread=tuple(_unread(grants)))


def pods_access(
    association: Association,
    cluster_arn: str,
    grants: RoleGrants,
    session: RoleSession,
    live: trust.LivePod | None = None,
) -> SessionAccess:
    """Return the access of the association's pods, or of one live pod, whose role has these grants. Role chaining is
    not part of it."""
    pod = trust.PodIdentity.of(cluster_arn, association)
    layers, unread = grants.layers, list(_unread(grants))
    if association.policy:
        policy = session_policy(association.policy)
        layers = (*layers, Layer(LayerKind.SESSION, "statement of the session policy", (policy,)))
        unread += [Unread(policy.name, policy.unread.reason)] if policy.unread is not None else []
    return SessionAccess(
        access=RoleAccess(replace(_as_role(session, grants), pod=pod, live=live), layers),
        grants=grants,
        association=association,
        unread=tuple(unread),
    )


@dataclass(frozen=True, kw_only=True)
class SessionReader:
    """Reads the access of associations' pods. `grants` are the policies that were read, by the ARN of their role.
    `specified` are values of condition keys, by key in lower case. `target_profile` is the profile for target roles,
    empty for the caller's own credentials."""

    clients: Clients
    now: datetime
    specified: Values
    target_profile: str = ""
    grants: dict[str, RoleGrants] = field(default_factory=dict)

    def read(
        self, place: Place, associations: Sequence[Association], pod: trust.LivePod | None = None
    ) -> tuple[SessionAccess, ...]:
        """Return the access of each association's pods, or of `pod`."""
        cluster = place.the_cluster
        self._read([item.role_arn for item in associations], cluster.account)
        self._read([item.target_role_arn for item in associations if item.target_role_arn], cluster.account)
        return tuple(self._of(cluster, place.region, item, pod) for item in associations)

    def _read(self, arns: Sequence[str], account: str) -> None:
        new = [arn for arn in dict.fromkeys(arns) if arn not in self.grants]
        if not new:
            return
        unreadable = {arn: reason for arn in new if (reason := elsewhere(arn, account, _POLICIES)) is not None}
        self.grants.update(grants_of_roles(self.clients.iam, [arn for arn in new if arn not in unreadable]))
        theirs: list[str] = []
        if unreadable and self.target_profile:
            aws = self.clients.aws_of(self.target_profile)
            caller_account = aws.sts.get_caller().account
            theirs = [arn for arn in unreadable if Arn.parse(arn).account == caller_account]
            self.grants.update(grants_of_roles(aws.iam, theirs))
        for arn in unreadable.keys() - theirs:
            self.grants[arn] = RoleGrants.of(arn, unreadable[arn], unreadable[arn], unreadable[arn])

    def _of(self, cluster: Cluster, region: str, association: Association, live: trust.LivePod | None) -> SessionAccess:
        grants = self.grants[association.pods_role_arn]
        session = RoleSession(region=region, now=self.now, specified=self.specified)
        foreign, not_simulated = elsewhere(grants.arn, cluster.account, _POLICIES), None
        unreadable = isinstance(grants.role, Missing) and grants.role.error_code == OTHER_ACCOUNT
        profile = self.target_profile if foreign is not None and not unreadable else ""
        if foreign is not None and not profile:
            permission = f"{SIMULATE} in account {Arn.parse(grants.arn).account}"
            not_simulated = Unread("IAM's simulator", foreign.reason, permission)
        access = pods_access(association, cluster.arn, grants, session, live)
        access = replace(access, profile=profile, not_simulated=not_simulated)
        if not association.target_role_arn:
            return access
        base = self.grants[association.role_arn]
        session = access.access.session
        # podid's own evaluation of the role's policies, instead of IAM's simulator
        permissions = _decisions(RoleAccess(_as_role(session, base), base.layers), association.target_role_arn)
        hop = second_hop(
            association,
            cluster,
            base=base.known_role,
            target=grants.role,
            permissions=permissions,
            pods=(session.live,) if session.live is not None else None,
            now=self.now,
        )
        unread = tuple(dict.fromkeys((*access.unread, *_unread(base))))
        return replace(access, base=base, hop=hop, unread=unread)


def _decisions(access: RoleAccess, target: str) -> Section[tuple[Decision, ...]]:
    """Return the rulings on role chaining as decisions of IAM's simulator, for its judgement."""
    decisions = []
    for action in trust.ACTIONS:
        ruling, limit = access.ruling(action, target), access.limit(action, target)
        explicit = ruling.verdict is AccessVerdict.DENIED and ruling.statement is not None
        if not explicit and limit is not None and limit.verdict is AccessVerdict.UNKNOWN:
            ruling = limit
        if ruling.verdict is AccessVerdict.UNKNOWN and not ruling.keys:
            return Missing(ruling.reason, ruling.missing_permission)
        word = "allowed" if ruling.verdict is AccessVerdict.ALLOWED else _EXPLICIT if explicit else _IMPLICIT
        boundary = False if limit is not None and limit.verdict is AccessVerdict.DENIED else None
        keys = ruling.keys if ruling.verdict is AccessVerdict.UNKNOWN else ()
        decisions.append(
            Decision(
                action=ruling.action,
                resource=ruling.resource,
                decision=word,
                boundary_allows=boundary,
                missing_context_keys=tuple(keys),
            )
        )
    return Known(tuple(decisions))


def _as_role(session: RoleSession, grants: RoleGrants) -> RoleSession:
    role = grants.known_role
    tags = dict(role.tags) if role is not None else None
    return replace(session, role_arn=grants.arn, role_id=role.role_id if role is not None else "", role_tags=tags)


def _unread(grants: RoleGrants) -> Iterator[Unread]:
    return (Unread(name, reason.reason, reason.permission) for name, reason in grants.missing)
