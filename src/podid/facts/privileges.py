"""The permissions of the associations' roles, for the checks of `podid audit`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from podid.domain.aws import Role
from podid.domain.iam import PolicyDocument
from podid.domain.names import Arn
from podid.domain.policy.arns import ANY, covers
from podid.domain.policy.evaluate import AccessVerdict, Layer, LayerKind, RoleAccess, Ruling
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import parse_permissions
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known, part
from podid.facts.index import by_role, once

# the sections that `accesses` reads
NEEDS = ("cluster", "associations", "roles", "permission_policies")
WANTS = ("boundaries",)


@dataclass(frozen=True, slots=True)
class RolePrivileges:
    """`access` evaluates the policies and the permissions boundary of the role, for pods of any service account."""

    arn: str
    access: RoleAccess

    def reach(self, action: str, resource: str) -> Ruling | None:
        """Return the decision if the role allows the action on all resources of the pattern; otherwise None."""
        ruling = self.access.ruling(action)
        if ruling.verdict is not AccessVerdict.ALLOWED or ruling.except_:
            return None
        return ruling if any(covers(pattern, resource) for pattern in ruling.resources) else None

    def roles(self, account: str) -> str:
        """Return the pattern of the roles of an account."""
        return f"arn:{Arn.parse(self.arn).partition}:iam::{account}:role/*"


@once
def privileges(snapshot: Snapshot) -> Mapping[str, Section[RolePrivileges | None]]:
    """Return role ARN -> its permissions; None for a role that does not exist. Missing if the role, one of its policies
    or its boundary could not be read."""
    return {arn: _of_role(snapshot, arn) for arn in by_role(snapshot)}


def _of_role(snapshot: Snapshot, arn: str) -> Section[RolePrivileges | None]:
    role = part(snapshot.roles, arn)
    if isinstance(role, Missing):
        return role
    if role.value is None:
        return Known(None)
    policies = part(snapshot.permission_policies, arn)
    if isinstance(policies, Missing):
        return policies
    layers = [_layer(LayerKind.IDENTITY, f"policy of role {role.value.name}", policies.value)]
    if boundary := role.value.permissions_boundary_arn:
        document = part(snapshot.boundaries, boundary)
        if isinstance(document, Missing):
            return document
        layers.append(_layer(LayerKind.BOUNDARY, "permissions boundary", (PolicyDocument(boundary, document.value),)))
    return Known(RolePrivileges(arn, RoleAccess(_session(snapshot, role.value), tuple(layers))))


def _layer(kind: LayerKind, words: str, documents: tuple[PolicyDocument, ...]) -> Layer:
    return Layer(kind, words, tuple(parse_permissions(item.name, kind, item.document) for item in documents))


def _session(snapshot: Snapshot, role: Role) -> RoleSession:
    region = Arn.parse(known(snapshot.cluster).arn).region
    return RoleSession(
        role_arn=role.arn, role_id=role.role_id, role_tags=role.tags, region=region, now=snapshot.taken_at
    )


# --- broad permissions ------------------------------------------------------------------------------------------------

# an action of each of these on any resource makes the role an administrator: all actions, or all of IAM
_ADMINISTRATION = {"*": "all actions", "iam:*": "all actions of IAM"}


def administration(role: RolePrivileges) -> tuple[str, Ruling] | None:
    """Return the words and the decision if the role allows all actions, or all of IAM, on any resource."""
    for action, words in _ADMINISTRATION.items():
        if (ruling := role.reach(action, ANY)) is not None:
            return words, ruling
    return None


def texts_of(value: object) -> Iterator[str]:
    """Yield every text in a policy document, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield str(key)
            yield from texts_of(member)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_of(item)
