"""External ids that a plan cannot know: EKS generates one with an association, and a target role's trust demands it.

Source: EKS API Reference, "PodIdentityAssociation" (externalId). It is read, never made up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from podid.calls.patience import Patience
from podid.domain.errors import NotFound
from podid.domain.names import ServiceAccountRef

if TYPE_CHECKING:
    from podid.aws.eks import Eks

_AWAITED = re.compile(r"\(externalId of ([^/()\s]+)/([^/()\s]+)\)")
# EKS lists an association some seconds after it has made it
_SETTLES_SECONDS = 20.0


def awaited(ref: ServiceAccountRef) -> str:
    """What stands in a policy for the external id of an association that is not there yet. It lets in nobody."""
    return f"(externalId of {ref})"


def awaited_in(value: object) -> frozenset[ServiceAccountRef]:
    """Whose external ids the policy, or a part of it, waits for."""
    return frozenset(_found(value))


def _found(value: object) -> Iterator[ServiceAccountRef]:
    if isinstance(value, str) and (found := _AWAITED.fullmatch(value)):
        yield ServiceAccountRef(*found.groups())
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _found(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _found(member)


def with_external_ids(value: object, ids: Mapping[ServiceAccountRef, str]) -> object:
    """The policy, or the part of it, with the external ids that are known by now."""
    if isinstance(value, str) and (found := _AWAITED.fullmatch(value)):
        return ids.get(ServiceAccountRef(*found.groups()), value)
    if isinstance(value, Mapping):
        return {key: with_external_ids(member, ids) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [with_external_ids(member, ids) for member in value]
    return value


def find_external_id(eks: Eks, cluster: str, ref: ServiceAccountRef, target_role_arn: str) -> str:
    """That of its association with the target role; empty where it has none. Raises as EKS does."""
    found = eks.find_association(cluster, ref)
    return (found.external_id or "") if found is not None and found.target_role_arn == target_role_arn else ""


def get_external_id(eks: Eks, cluster: str, ref: ServiceAccountRef, target_role_arn: str, patience: Patience) -> str:
    """The same of an association that was just made. Raises NotFound where EKS does not have it in time."""
    for _ in patience.within(_SETTLES_SECONDS).rounds(1.0):
        if found := find_external_id(eks, cluster, ref, target_role_arn):
            return found
    raise no_external_id(ref, target_role_arn)


def no_external_id(ref: ServiceAccountRef, target_role_arn: str) -> NotFound:
    return NotFound(f"{ref} has no association with target role {target_role_arn}", subject=str(ref))
