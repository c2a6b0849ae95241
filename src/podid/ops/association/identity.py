"""Everything about one service account: its status, its association and roles, and what each pod really uses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from podid.domain.model import Association, ServiceAccount
from podid.domain.names import ServiceAccountRef
from podid.domain.place import Place
from podid.domain.second_hop import SecondHop
from podid.domain.snapshot import Missing, Section, attempt
from podid.domain.status import IdentityStatus
from podid.domain.trail import DAYS, LastUse, last_use, of_association
from podid.domain.trust import Evaluation
from podid.ops.clients import Clients
from podid.ops.role.read import RoleReading, read_policies
from podid.ops.status.facts import PodUse, account_of, hop_of, pods_of, role_of, trust_of
from podid.ops.status.look import Diagnosis

# CloudTrail gives fifty at a time, twice a second
_MOST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class IdentityReading:
    """`association` is None where there is none, or where it could not be read; then the status says more than the
    rest. `permissions` are those of the association's role; `last_use` is None where CloudTrail was not asked."""

    status: IdentityStatus
    association: Association | None
    account: Section[ServiceAccount | None]
    pods: Section[tuple[PodUse, ...]]
    trust: Section[Evaluation]
    permissions: Section[RoleReading]
    hop: SecondHop | None = None
    last_use: Section[LastUse] | None = None


def read_identity(
    clients: Clients, place: Place, found: Diagnosis, ref: ServiceAccountRef, *, cloudtrail: bool = False
) -> IdentityReading:
    """From a diagnosis of the service account, and the policies of its role. Never raises for what cannot be read;
    `cloudtrail` is whether to look there for the last use."""
    snapshot, (status,) = found.snapshot, found.report.identities
    association = status.association if isinstance(status.association, Association) else None
    account, pods = account_of(snapshot, ref), pods_of(snapshot, ref)
    if association is None:
        none = Missing("there is no association" if status.association is None else "the association was not read")
        return IdentityReading(status, None, account, pods, none, none)
    role = role_of(snapshot, association)
    permissions: Section[RoleReading]
    if isinstance(role, Missing):
        permissions = role
    elif role.value is None:
        permissions = Missing("the role does not exist", error_code="NotFound")
    else:
        known = role.value
        permissions = attempt(lambda: read_policies(clients.iam, known))
    return IdentityReading(
        status,
        association,
        account,
        pods,
        trust_of(snapshot, association),
        permissions,
        hop_of(snapshot, association),
        attempt(lambda: _last_use(clients, association, place, snapshot.taken_at)) if cloudtrail else None,
    )


def _last_use(clients: Clients, association: Association, place: Place, now: datetime) -> LastUse:
    since = now - timedelta(days=DAYS)
    fits = of_association(association.ref, place.the_cluster.arn, tagged=not association.disable_session_tags)
    return last_use(clients.cloudtrail.iter_sessions(association.role_arn, since), fits, since, _MOST_EVENTS)
