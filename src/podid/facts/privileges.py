"""The policies of roles, and the permissions of the associations' roles for the checks of `podid audit`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from podid.domain.aws import Association, Role
from podid.domain.errors import InvalidInput
from podid.domain.iam import Document
from podid.domain.names import Arn, role_name
from podid.domain.policy import escalation
from podid.domain.policy.evaluate import AccessVerdict, Layer, LayerKind, RoleAccess, Ruling
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import PermissionPolicy, parse_permissions
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known, known_or, part
from podid.domain.text import short_list
from podid.domain.trust import PodIdentity, read_json
from podid.domain.wildcards import ANY, overlap, text_of
from podid.facts.index import by_role, by_target, once

# the sections that `accesses` reads
NEEDS = ("cluster", "associations", "roles", "permission_policies")
WANTS = ("boundaries", "target_roles", "target_policies")
# the tags of a session, and those of its role
_SESSION_TAGS = "aws:principaltag/"
# the policies of a role by name or ARN
Policies = Mapping[str, Section[Document]]


@dataclass(frozen=True, slots=True)
class RoleGrants:
    """The policies of a role, as far as they could be read. `role` is Known(None) if the role does not exist."""

    arn: str
    role: Section[Role | None]
    policies: tuple[PermissionPolicy, ...] = ()
    boundary: PermissionPolicy | None = None

    @classmethod
    def of(
        cls,
        arn: str,
        role: Section[Role | None],
        policies: Section[Policies],
        boundaries: Section[Mapping[str, Section[Document]]],
    ) -> RoleGrants:
        """Return the grants of the role with these policies; `boundaries` are permissions boundaries by ARN."""
        known = known_or(role, None)
        if role == Known(None) or (known is not None and known.arn != arn):
            return cls(arn, Known(None))
        if isinstance(policies, Missing):
            policies = Known({f"policies of role {role_name(arn)}": policies})
        parsed = (_parsed(name, LayerKind.IDENTITY, document) for name, document in policies.value.items())
        limit = known.permissions_boundary_arn if known is not None else ""
        boundary = _parsed(limit, LayerKind.BOUNDARY, part(boundaries, limit)) if limit else None
        return cls(arn, role, tuple(parsed), boundary)

    @property
    def known_role(self) -> Role | None:
        return known_or(self.role, None)

    @property
    def gone(self) -> bool:
        return self.role == Known(None)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Return the layers of the role: its policies, and its permissions boundary."""
        name = role_name(self.arn)
        words, boundary = f"statement of the permissions boundary of role {name}", self.boundary
        if isinstance(self.role, Missing):
            boundary = PermissionPolicy(f"permissions boundary of role {name}", unread=self.role)
        elif boundary is not None:
            words = f"statement of the permissions boundary {role_name(boundary.name)}"
        layer = Layer(LayerKind.IDENTITY, f"policy of role {name}", self.policies)
        return (layer,) if boundary is None else (layer, Layer(LayerKind.BOUNDARY, words, (boundary,)))

    @property
    def missing(self) -> Iterator[tuple[str, Missing]]:
        """Yield the name of each part that could not be read, and the reason."""
        if isinstance(self.role, Missing):
            yield f"role {role_name(self.arn)}", self.role
        for policy in (*self.policies, *((self.boundary,) if self.boundary is not None else ())):
            if policy.unread is not None and policy.unread != self.role:
                yield policy.name, policy.unread


def _parsed(name: str, kind: LayerKind, document: Section[Document]) -> PermissionPolicy:
    return parse_permissions(name, kind.value, document if isinstance(document, Missing) else document.value)


def session_policy(text: str) -> PermissionPolicy:
    """Return the compiled session policy of an association. A text that IAM would reject is unread."""
    name = "session policy"
    try:
        document = read_json(text)
    except InvalidInput as error:
        return PermissionPolicy(name, unread=Missing(f"the session policy cannot be parsed: {error.message}"))
    if not isinstance(document, Mapping):
        return PermissionPolicy(name, unread=Missing("the session policy is not a JSON object"))
    return parse_permissions(name, LayerKind.SESSION.value, document)


@dataclass(frozen=True, eq=False)
class RolePrivileges:
    """`access` evaluates the policies and the permissions boundary of the role, for pods of any service account."""

    arn: str
    access: RoleAccess

    @cached_property
    def _uses_tags(self) -> bool:
        statements = (item for layer in self.access.layers for policy in layer.policies for item in policy.statements)
        return any(statement.uses(_SESSION_TAGS) for statement in statements)

    def of(self, cluster_arn: str, association: Association) -> RolePrivileges:
        """Return the permissions of the association's pods; itself if they are those of pods of any service account."""
        text = association.policy if association.pods_role_arn == self.arn else ""
        if not text and not self._uses_tags:
            return self
        layers = self.access.layers
        if text:
            policy = session_policy(text)
            layers = (*layers, Layer(LayerKind.SESSION, "statement of the session policy", (policy,)))
        pod = PodIdentity.of(cluster_arn, association)
        return RolePrivileges(self.arn, RoleAccess(replace(self.access.session, pod=pod), layers))

    def reach(self, action: str, resource: str) -> Ruling | None:
        """Return the decision if the role allows the action on all resources of the pattern, or if that is not known;
        otherwise None."""
        return escalation.reach(self.access, action, resource)

    def excluded(self, action: str) -> tuple[str, ...]:
        """Return the actions of the pattern, in lower case, that a NotAction or a Deny statement names, and that are
        denied on any resource."""
        statements = (item for layer in self.access.layers for policy in layer.policies for item in policy.statements)
        named = (text_of(name) for item in statements if item.allow is item.not_action for name in item.actions)
        return tuple(
            name
            for name in dict.fromkeys(named)
            if overlap(name, action) and self.access.ruling(name, ANY).verdict is AccessVerdict.DENIED
        )

    def roles(self, account: str) -> str:
        """Return the pattern of the roles of an account."""
        return f"arn:{Arn.parse(self.arn).partition}:iam::{account}:role/*"


@once
def privileges(snapshot: Snapshot) -> Mapping[str, Section[RolePrivileges | None]]:
    """Return role ARN -> its permissions, of roles and target roles; None for a role that does not exist. Missing if
    the role, one of its policies or its boundary could not be read."""
    own = dict.fromkeys(by_role(snapshot), (snapshot.roles, snapshot.permission_policies))
    targets = dict.fromkeys(by_target(snapshot), (snapshot.target_roles, snapshot.target_policies))
    return {arn: _of_role(snapshot, arn, *sections) for arn, sections in {**targets, **own}.items()}


def _of_role(
    snapshot: Snapshot,
    arn: str,
    roles: Section[Mapping[str, Section[Role | None]]],
    policies: Section[Mapping[str, Section[Policies]]],
) -> Section[RolePrivileges | None]:
    grants = RoleGrants.of(arn, part(roles, arn), part(policies, arn), snapshot.boundaries)
    for _, reason in grants.missing:
        return reason
    role = grants.known_role
    if role is None:
        return Known(None)
    region, now = Arn.parse(known(snapshot.cluster).arn).region, snapshot.taken_at
    session = RoleSession(role_arn=role.arn, role_id=role.role_id, role_tags=role.tags, region=region, now=now)
    return Known(RolePrivileges(arn, RoleAccess(session, grants.layers)))


def administration(role: RolePrivileges) -> tuple[str, Ruling] | None:
    """Return the words and the decision if the role allows all actions, or all of IAM, on any resource, apart from
    those of NotAction and of Deny statements; the decision is unknown if it depends on the request."""
    if (broad := escalation.administration(role.access)) is None:
        return None
    words, ruling = broad
    excluded = short_list(role.excluded(ruling.action))
    return f"{words} except {excluded}" if excluded else words, ruling
