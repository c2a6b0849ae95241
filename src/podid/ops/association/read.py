"""Reading associations: the list with its roles, and one of them with its role's trust."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.calls import pacing
from podid.domain.aws import Association, Listed, UnreadAssociation
from podid.domain.errors import Again, NotFound, Other, Partial
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.plan import Place
from podid.domain.text import short_list
from podid.ops.association.absent import namespace_not_found
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.aws.eks import Eks


def has_role(association: Association, role: str) -> bool:
    """Whether it has the role of this ARN, also as its target, or of this name; any for an empty one."""
    if role.startswith("arn:"):
        return role in (association.role_arn, association.target_role_arn)
    return not role or role_name(association.role_arn) == role


def list_without_roles(eks: Eks, place: Place, *, namespace: str | None) -> list[Association]:
    """What the list alone tells, a call for every hundred: role, settings, tags and times are missing."""
    return [
        Association(
            cluster_name=item.cluster_name,
            namespace=item.namespace,
            service_account=item.service_account,
            role_arn="",
            association_arn=item.association_arn,
            association_id=item.association_id,
            owner_arn=item.owner_arn,
        )
        for item in eks.list_association_summaries(place.cluster_name, namespace)
    ]


def unread_error(found: Sequence[Listed]) -> Partial | None:
    """What is to be said of those that could not be read; None where all were."""
    unread = [item for item in found if isinstance(item, UnreadAssociation)]
    if not unread:
        return None
    names: dict[tuple[str, str], list[str]] = {}
    for item in unread:
        names.setdefault((item.reason, item.permission), []).append(str(item.ref))
    return Partial(
        f"{len(unread)} of {len(found)} associations could not be read: their roles are not known",
        hint=Again(),
        permission=next((item.permission for item in unread if item.permission), ""),
        lines=tuple(f"{short_list(refs)}: {reason}" for (reason, _), refs in names.items()),
    )


def current_associations(
    clients: Clients, place: Place, refs: Sequence[ServiceAccountRef]
) -> dict[ServiceAccountRef, Association | None]:
    """In the order of `refs`; many are read at once."""
    eks, name = clients.eks, place.cluster_name
    found = dict(pacing.fan_out(lambda ref: eks.find_association(name, ref), refs, reads=True))
    return {ref: found[ref] for ref in refs}


def list_refs(clients: Clients, place: Place, *, namespace: str | None) -> tuple[ServiceAccountRef, ...]:
    """The service accounts that have an association, sorted; NotFound where none has, since nothing looked at is not
    the same as all well."""
    found = {item.ref for item in clients.eks.list_association_summaries(place.cluster_name, namespace=namespace)}
    if not found:
        if namespace and (absent := namespace_not_found(clients, namespace)):
            raise absent
        where = f"namespace {namespace} of cluster" if namespace else "cluster"
        what = f"No association in {where} {place.cluster_name}"
        raise NotFound(what, hint=Other(("list",)) if namespace else (), subject=namespace or place.cluster_name)
    return tuple(sorted(found))
