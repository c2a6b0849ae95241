"""Read everything about one service account: its status, its association and roles, and the credentials that its pods
use."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from podid.domain.aws import Association
from podid.domain.cloudtrail import DAYS, LastUse, last_use, of_association
from podid.domain.cluster import ServiceAccount
from podid.domain.errors import ExitCode, NotFound, complete
from podid.domain.iam import Document
from podid.domain.names import ServiceAccountRef
from podid.domain.owners import Owner
from podid.domain.plan import Place
from podid.domain.section import Known, Missing, Section, Unread, attempt, error_of, required
from podid.domain.status import IdentityStatus, undecided
from podid.domain.trust import Evaluation
from podid.facts.index import role_section
from podid.facts.privileges import RoleGrants
from podid.facts.second_hop import SecondHop
from podid.ops.clients import Clients
from podid.ops.permissions.actions import action_table
from podid.ops.permissions.privileges import Privileges, read_privileges
from podid.ops.permissions.session import SessionReader
from podid.ops.role.read import RoleReading, read_policies
from podid.ops.status.diagnose import Diagnosis
from podid.ops.status.facts import PodUse, account_of, hop_of, pods_of, trust_of

# CloudTrail returns 50 events a call, two calls a second
_MOST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class IdentityReading:
    """`association` is None if there is none. `permissions` are those of the association's role, `privileges` those of
    the pods, which have the credentials of the target role if there is one. `last_use` is None if CloudTrail was not
    searched."""

    status: IdentityStatus
    association: Association | None
    account: Section[ServiceAccount | None]
    pods: Section[tuple[PodUse, ...]]
    trust: Section[Evaluation]
    permissions: Section[RoleReading]
    privileges: Privileges | None = None
    hop: SecondHop | None = None
    last_use: Section[LastUse] | None = None

    @property
    def unread(self) -> tuple[Unread, ...]:
        """Return the parts that could not be read, without the status."""
        # if the role could not be read, its trust policy and its policies are missing for the same reason
        sections = (
            *((("the policies of the role", self.permissions),) if self.association is not None else ()),
            ("the service account", self.account),
            ("the pods", self.pods),
            ("the last use", self.last_use),
        )
        parts = (
            Unread(name, item.reason, item.permission, detail=item.error_code == NotFound.code)
            for name, item in sections
            if isinstance(item, Missing)
        )
        return (*parts, *(self.permissions.value.unread if isinstance(self.permissions, Known) else ()))

    @property
    def exit_code(self) -> ExitCode:
        """Return 9 if a part of the answer could not be read."""
        target = self.hop.unknowns if self.hop is not None else ()
        return complete(ExitCode.OK, *(part.decisive for part in self.unread), *target, undecided((self.status,)))


def read_identity(
    clients: Clients, place: Place, diagnosis: Diagnosis, ref: ServiceAccountRef, *, cloudtrail: bool = False
) -> IdentityReading:
    """Read the identity from a diagnosis of the service account and the policies of its role. Raise the error that
    prevented reading the association; other parts may be missing. `cloudtrail` searches for the last use."""
    snapshot, (status,) = diagnosis.snapshot, diagnosis.report.identities
    required(snapshot.associations)
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
        permissions = attempt(lambda: read_policies(clients, known))
    privileges = None
    if isinstance(permissions, Known):
        grants = {association.role_arn: _grants(permissions.value)}
        reader = SessionReader(clients=clients, now=snapshot.taken_at, specified={}, grants=grants)
        (access,) = reader.read(place, (association,))
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


def _grants(reading: RoleReading) -> RoleGrants:
    """Return the policies of a role that were read for another purpose. An unread part may be any of them."""
    names = [item.arn for item in reading.attached or () if item.arn in reading.documents]
    documents = {**(reading.inline or {}), **{arn: reading.documents[arn] for arn in names}}
    policies: dict[str, Section[Document]] = {name: Known(document) for name, document in documents.items()}
    policies |= {item.what: Missing(item.reason, item.permission) for item in reading.unread}
    boundaries = {arn: Known(document) for arn, document in reading.documents.items()}
    return RoleGrants.of(reading.role.arn, Known(reading.role), Known(policies), Known(boundaries))


def _custom_owner(clients: Clients, association: Association) -> Owner | None:
    """Return the custom resource that owns the association. None as well if the cluster does not allow the answer."""
    owners = attempt(lambda: clients.kube.reader.list_custom_owners())
    return owners.value.get(association.association_id) if isinstance(owners, Known) else None


def _last_use(clients: Clients, association: Association, place: Place, now: datetime) -> LastUse:
    since = now - timedelta(days=DAYS)
    fits = of_association(association.ref, place.the_cluster.arn, tagged=not association.disable_session_tags)
    return last_use(clients.aws.cloudtrail.iter_sessions(association.role_arn, since), fits, since, _MOST_EVENTS)
