"""One identity in each state, judged from a snapshot, for tests of views."""

from checks.builder import ROLE_ARN, agent_pod, bare, healthy, pod, role, trust
from ops.status.snapshots import DENIED
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Snapshot
from podid.domain.status import IdentityStatus
from podid.ops.reading.scope import DoctorScope
from podid.ops.status.diagnose import diagnose
from worlds import ORDERS

OLD = bare(pod("old"), created_at=pod().created_at.replace(year=2025))
OTHER_PRINCIPAL = {ROLE_ARN: Known(role(document=trust("ec2.amazonaws.com")))}


def status_in(snapshot: Snapshot, ref: ServiceAccountRef = ORDERS) -> IdentityStatus:
    """Return the status of the service account in the snapshot."""
    (status,) = diagnose(snapshot, scope=DoctorScope.of((ref,))).identities
    return status


VERIFIED = status_in(healthy())
STALE = status_in(healthy(pods=(pod(), OLD, agent_pod())))
BROKEN = status_in(healthy(roles=OTHER_PRINCIPAL))
UNKNOWN = status_in(healthy(pods=DENIED))
NONE = status_in(healthy(associations=()))
