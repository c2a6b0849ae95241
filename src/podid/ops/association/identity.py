"""Read everything about one service account: its status, its association and roles, and the credentials that its pods
use."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from podid.domain.aws import Association
from podid.domain.cloudtrail import DAYS, LastUse, last_use, of_association
from podid.domain.cluster import ServiceAccount
from podid.domain.names import ServiceAccountRef
from podid.domain.owners import Owner
from podid.domain.plan import Place
from podid.domain.policy.session import RoleSession
from podid.domain.snapshot import Known, Missing, Section, attempt, error_of
from podid.domain.status import IdentityStatus
from podid.domain.trust import Evaluation
from podid.facts.index import role_section
from podid.facts.second_hop import SecondHop
from podid.ops.clients import Clients
from podid.ops.permissions.actions import action_table
from podid.ops.permissions.privileges import Privileges, read_privileges
from podid.ops.permissions.read import RoleGrants
from podid.ops.permissions.session import pods_access
from podid.ops.role.read import RoleReading, read_policies
from podid.ops.status.diagnose import Diagnosis
from podid.ops.status.facts import PodUse, account_of, hop_of, pods_of, trust_of

# CloudTrail returns 50 events a call, two calls a second
_MOST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class IdentityReading:
    """`association` is None if there is none. `permissions` are those of the association's role, `privileges` what they
    allow; None with a target role, whose policies are not read. `last_use` is None if CloudTrail was not searched."""

    status: IdentityStatus
    association: Association | None
    account: Section[ServiceAccount | None]
    pods: Section[tuple[PodUse, ...]]
    trust: Section[Evaluation]
    permissions: Section[RoleReading]
    privileges: Privileges | None = None
    hop: SecondHop | None = None
    last_use: Section[LastUse] | None = None


def read_identity(
    clients: Clients, place: Place, diagnosis: Diagnosis, ref: ServiceAccountRef, *, cloudtrail: bool = False
) -> IdentityReading:
    """Read the identity from a diagnosis of the service account and the policies of its role. Raise the error that
    prevented reading the association; other parts may be missing. `cloudtrail` searches for the last use."""
    snapshot, (status,) = diagnosis.snapshot, diagnosis.report.identities
    if isinstance(snapshot.associations, Missing):
        raise error_of(snapshot.associations)
    association = status.association
    account, pods = account_of(snapshot, ref), pods_of(diagnosis, ref)
    if association is None:
        none = Missing("there is no association")
        return IdentityReading(status, None, account, pods, none, none)
    if not isinstance(association, Association):
        raise error_of(Missing(association.reason, association.permission))
    role = role_section(snapshot, association.role_arn)
    permissions: Section[RoleReading]
    if isinstance(role, Missing):
        permissions = role
    elif role.value is None:
        permissions = Missing("the role does not exist", error_code="NotFound")
    else:
        known = role.value
        permissions = attempt(lambda: read_policies(clients.iam, known))
    privileges = None
    if isinstance(permissions, Known) and association.target_role_arn is None:
        session = RoleSession(region=place.region, now=snapshot.taken_at)
        grants = RoleGrants.of_reading(permissions.value)
        access = pods_access(association, place.the_cluster.arn, grants, session)
        privileges = read_privileges(access, action_table())
    return IdentityReading(
        status,
        association if association.owner else replace(association, custom_owner=_custom_owner(clients, association)),
        account,
        pods,
        trust_of(snapshot, association),
        permissions,
        privileges,
        hop_of(snapshot, association),
        attempt(lambda: _last_use(clients, association, place, snapshot.taken_at)) if cloudtrail else None,
    )


def _custom_owner(clients: Clients, association: Association) -> Owner | None:
    """Return the custom resource that owns the association. None as well if the cluster does not allow the answer."""
    owners = attempt(lambda: clients.kube.reader.list_custom_owners())
    return owners.value.get(association.association_id) if isinstance(owners, Known) else None


def _last_use(clients: Clients, association: Association, place: Place, now: datetime) -> LastUse:
    since = now - timedelta(days=DAYS)
    fits = of_association(association.ref, place.the_cluster.arn, tagged=not association.disable_session_tags)
    return last_use(clients.aws.cloudtrail.iter_sessions(association.role_arn, since), fits, since, _MOST_EVENTS)
