"""The answer of iam:GetAccountAuthorizationDetails: users and roles with their policies.

Source: IAM API Reference, GetAccountAuthorizationDetails. Users, groups, roles and managed policies come on the same
pages, in no order, and refer to each other by name or ARN.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from podid.aws import decode
from podid.domain.aws import Role
from podid.domain.foreign import (
    Malformed,
    Object,
    Reading,
    inner_or_empty,
    inners_or_none,
    text,
    text_or,
    words_or_none,
)
from podid.domain.iam import PolicyDocument, Principal

_INLINE = {"user": "UserPolicyList", "group": "GroupPolicyList", "role": "RolePolicyList"}
_LISTS = {"UserDetailList": "user", "GroupDetailList": "group", "RoleDetailList": "role", "Policies": "policy"}


@dataclass(frozen=True, slots=True)
class Detail:
    """An item of a page. `kind` is user, group, role or policy; `name` is the ARN of a policy, and otherwise a name.
    `inline` are its own policies, or the document of a policy; `attached` and `boundary` are ARNs, `groups` names. IAM
    omits the description and the session duration of `role`."""

    kind: str
    name: str
    arn: str
    inline: tuple[PolicyDocument, ...]
    attached: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    boundary: str = ""
    role: Role | None = None


def details(page: Object, role: Reading[Role]) -> tuple[Detail, ...]:
    """Return the items of a page; `role` reads a role."""
    return tuple(_detail(kind, item, role) for member, kind in _LISTS.items() for item in inners_or_none(page, member))


def _detail(kind: str, item: Object, role: Reading[Role]) -> Detail:
    arn = text(item, "Arn")
    if kind == "policy":
        return Detail(kind, arn, arn, (PolicyDocument(arn, _default_version(item)),))
    names = {"user": "UserName", "group": "GroupName", "role": "RoleName"}
    return Detail(
        kind=kind,
        name=text(item, names[kind]),
        arn=arn,
        inline=tuple(
            PolicyDocument(text(policy, "PolicyName"), decode.document(policy, "PolicyDocument"))
            for policy in inners_or_none(item, _INLINE[kind])
        ),
        attached=tuple(text(policy, "PolicyArn") for policy in inners_or_none(item, "AttachedManagedPolicies")),
        groups=tuple(words_or_none(item, "GroupList")),
        boundary=text_or(inner_or_empty(item, "PermissionsBoundary"), "PermissionsBoundaryArn"),
        role=role(item) if kind == "role" else None,
    )


def _default_version(item: Object) -> dict[str, object]:
    for version in inners_or_none(item, "PolicyVersionList"):
        if version.get("IsDefaultVersion") is True:
            return dict(decode.document(version, "Document"))
    raise Malformed("PolicyVersionList has no default version")


def principals(items: Iterable[Detail]) -> Iterator[Principal]:
    """Yield the users and roles. A policy that the answer does not contain allows nothing that is known: it is
    omitted."""
    listed = tuple(items)
    managed = {item.name: item.inline[0] for item in listed if item.kind == "policy"}
    groups = {item.name: item for item in listed if item.kind == "group"}
    for item in listed:
        if item.kind not in ("user", "role"):
            continue
        owners = (item, *(groups[name] for name in item.groups if name in groups))
        policies = [policy for owner in owners for policy in owner.inline]
        policies += [managed[arn] for owner in owners for arn in owner.attached if arn in managed]
        yield Principal(item.arn, tuple(policies), managed.get(item.boundary))
