"""Reading associations: the list with its roles, and one of them with its role's trust."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from podid.calls import pacing
from podid.domain import trust
from podid.domain.aws import Association, Cluster, Listed, Role, UnreadAssociation
from podid.domain.errors import Again, NotFound, Other, Partial
from podid.domain.names import ServiceAccountRef, check_role, role_name
from podid.domain.plan import Place
from podid.domain.snapshot import Known, Missing, attempt
from podid.domain.text import short_list
from podid.facts.second_hop import SecondHop, elsewhere, second_hop
from podid.ops.association.absent import association_not_found, namespace_not_found
from podid.ops.clients import Clients
from podid.ops.role.plan import identity

if TYPE_CHECKING:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam


@dataclass(frozen=True, slots=True)
class RoleFilter:
    """Which associations to keep: all of them, those of one ARN (also as target role), or those of a role's name."""

    text: str = ""

    @classmethod
    def parse(cls, text: str | None) -> RoleFilter:
        """InvalidInput for what is neither a role's name nor the ARN of one."""
        return cls() if text is None else cls(check_role(text))

    def keeps(self, association: Listed) -> bool:
        """Whether it is, or may be, one of them."""
        if isinstance(association, UnreadAssociation):
            return True
        if self.text.startswith("arn:"):
            return self.text in (association.role_arn, association.target_role_arn)
        return not self.text or role_name(association.role_arn) == self.text


def iter_associations(eks: Eks, place: Place, *, namespace: str | None) -> Iterator[Listed]:
    """As they arrive, in no order; those that could not be read last."""
    return eks.iter_readable(place.cluster_name, namespace=namespace)


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


def _known(clients: Clients, place: Place, refs: Sequence[ServiceAccountRef]) -> dict[ServiceAccountRef, Association]:
    """The associations of service accounts; NotFound for the first that has none, with the nearest names that have."""
    known: dict[ServiceAccountRef, Association] = {}
    for ref, association in current_associations(clients, place, refs).items():
        if association is None:
            named = clients.eks.list_association_summaries(place.cluster_name)
            raise association_not_found(clients, place, ref, (item.ref for item in named))
        known[ref] = association
    return known


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


@dataclass(frozen=True, slots=True)
class AssociationReading:
    """An association and whether its role admits its pods: `evaluation`, or why that is not known, with the permission
    that is missing. `second_hop` is set where the association has a target role; `role` where it could be read."""

    association: Association
    evaluation: trust.Evaluation | None = None
    not_evaluated: str = "not read"
    permission: str = ""
    role_missing: bool = False
    second_hop: SecondHop | None = None
    role: Role | None = None


def read_associations(
    clients: Clients, place: Place, refs: Sequence[ServiceAccountRef]
) -> tuple[AssociationReading, ...]:
    """Those of the service accounts, in their order; a role that many have is read once. Raises NotFound for the
    first that has no association."""
    found = _known(clients, place, refs)
    names = dict.fromkeys(role_name(association.role_arn) for association in found.values())
    roles = dict(pacing.fan_out(lambda name: attempt(partial(clients.iam.find_role, name)), names, reads=True))

    def read(ref: ServiceAccountRef) -> AssociationReading:
        association = found[ref]
        reading = _first_hop(place.the_cluster, association, roles[role_name(association.role_arn)])
        onward = read_second_hop(clients.iam, place.the_cluster, association, reading.role)
        return replace(reading, second_hop=onward)

    readings = dict(pacing.fan_out(read, refs, reads=True))
    return tuple(readings[ref] for ref in refs)


def _first_hop(cluster: Cluster, association: Association, role: Known[Role | None] | Missing) -> AssociationReading:
    if isinstance(role, Missing):
        what = f"needs {role.permission}" if role.permission else role.reason
        return AssociationReading(association, not_evaluated=f"not checked: {what}", permission=role.permission)
    # IAM knows roles by name alone: one under another path is not the association's
    if role.value is None or role.value.arn != association.role_arn:
        name = role_name(association.role_arn)
        return AssociationReading(association, not_evaluated=f"role {name} does not exist", role_missing=True)
    who = identity(cluster, association.ref, session_tags=association.session_tags, role=role.value)
    try:
        evaluation = trust.evaluate(trust.parse_policy(role.value.trust), who)
    except trust.TrustPolicyError as error:
        return AssociationReading(
            association, not_evaluated=f"the trust policy cannot be read: {error}", role=role.value
        )
    return AssociationReading(association, evaluation, role=role.value)


def read_second_hop(iam: Iam, cluster: Cluster, association: Association, base: Role | None) -> SecondHop | None:
    """How the association's role (`base`, None when it could not be read) gets to its target role; None where it has
    none. Never raises for what cannot be read."""
    target = association.target_role_arn
    if not target:
        return None
    return second_hop(
        association,
        cluster,
        base=base,
        target=elsewhere(target, cluster) or attempt(lambda: iam.find_role(role_name(target))),
        rights=attempt(lambda: iam.simulate(association.role_arn, trust.ACTIONS, (target,))),
    )
