"""Reading roles: one with its policies and who may assume it, and all that pods can assume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from podid.domain.errors import InvalidInput, NotFound
from podid.domain.model import Role, RolePolicies
from podid.domain.names import check_role_name, parse_role_arn
from podid.domain.place import Place
from podid.ops.role.access import access_words, pod_scopes
from podid.ops.role.resolve import role_not_found

if TYPE_CHECKING:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam


@dataclass(frozen=True, slots=True)
class RoleReading:
    """`access` says in words who may assume the role, one phrase for each statement or principal."""

    role: Role
    policies: RolePolicies
    access: tuple[str, ...]


def read_role(iam: Iam, text: str) -> RoleReading:
    """A role by name or ARN; NotFound with the nearest names."""
    name = parse_role_arn(text).resource_name if text.startswith("arn:") else check_role_name(text)
    try:
        role = iam.get_role(name)
    except NotFound as error:
        raise role_not_found(iam, name, request_id=error.request_id) from error
    return RoleReading(role, iam.get_policies(name), access_words(role))


def used_by(eks: Eks, place: Place, role: Role) -> tuple[str, ...]:
    """The cluster's service accounts whose associations name the role, as their own or as target."""
    associations = eks.list_associations(place.cluster_name)
    return tuple(str(item.ref) for item in associations if role.arn in (item.role_arn, item.target_role_arn))


def list_pod_roles(iam: Iam) -> tuple[tuple[Role, str], ...]:
    """The account's roles that let pods in, each with whom, in words."""
    return tuple((role, words) for role in iam.list_roles() if (words := _pod_words(role)))


def _pod_words(role: Role) -> str:
    try:
        return "; ".join(pod_scopes(role))
    except InvalidInput:
        return ""  # it cannot be assumed by anybody
