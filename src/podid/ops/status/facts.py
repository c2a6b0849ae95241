"""Details of one identity in addition to its status: who can assume its roles, and the credentials of its pods."""

from dataclasses import dataclass

from podid.checks.all import BY_ID
from podid.checks.status import statuses
from podid.domain.aws import Association
from podid.domain.cluster import Pod, ServiceAccount
from podid.domain.findings import Bearing, Subject
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Missing, Section, Snapshot
from podid.domain.status import ContainerUse, IdentityState
from podid.domain.trust import Evaluation
from podid.domain.workloads import live, workload_subject
from podid.facts.credentials import uses_of
from podid.facts.second_hop import SecondHop, hops
from podid.facts.trust import judged
from podid.ops.status.diagnose import Diagnosis


@dataclass(frozen=True, slots=True)
class PodUse:
    """A running pod and the credentials of each container. `stale` is whether this is its state."""

    pod: Pod
    workload: Subject
    stale: bool
    containers: tuple[ContainerUse, ...]


def trust_of(snapshot: Snapshot, association: Association) -> Section[Evaluation]:
    """Return how EKS evaluates the trust policy of the association's role for its pods."""
    if isinstance(snapshot.roles, Missing):
        return snapshot.roles
    answers = judged(snapshot).get(association.role_arn, Missing("the role was not read"))
    if isinstance(answers, Missing):
        return answers
    if answers.value is None:
        return Missing("the role does not exist", error_code="NotFound")
    own = (Known(answer.evaluation) for answer in answers.value if answer.association.ref == association.ref)
    return next(own, Missing("the trust policy was not read"))


def hop_of(snapshot: Snapshot, association: Association) -> SecondHop | None:
    """Return how the association's role assumes its target role; None without one."""
    return next((hop for hop in hops(snapshot) if hop.association.ref == association.ref), None)


def account_of(snapshot: Snapshot, ref: ServiceAccountRef) -> Section[ServiceAccount | None]:
    accounts = snapshot.service_accounts
    if isinstance(accounts, Missing):
        return accounts
    return Known(next((account for account in accounts.value if account.ref == ref), None))


def late_pods(diagnosis: Diagnosis) -> frozenset[str]:
    """Return the pods ("ns/name") that fail a check which a restart fixes, whatever else fails: the stale ones, and
    others that are broken."""
    report = diagnosis.report
    of_restarts = [verdict for verdict in report.verdicts if BY_ID[verdict.check].bearing is Bearing.RESTART]
    refs = [status.ref for status in report.identities]
    judged = statuses(diagnosis.snapshot, of_restarts, refs, report.checks)
    pods = (pod for status in judged for pod in status.pods or ())
    return frozenset(f"{pod.namespace}/{pod.name}" for pod in pods if pod.state is IdentityState.STALE)


def pods_of(diagnosis: Diagnosis, ref: ServiceAccountRef) -> Section[tuple[PodUse, ...]]:
    """Return the running pods of a service account, by workload."""
    snapshot = diagnosis.snapshot
    if isinstance(snapshot.pods, Missing):
        return snapshot.pods
    judged = (pod for status in diagnosis.report.identities if status.ref == ref for pod in status.pods or ())
    stale = {pod.name for pod in judged if pod.state is IdentityState.STALE}
    uses = [
        PodUse(pod, workload_subject(pod), pod.name in stale, uses_of(pod, snapshot.config_map_keys))
        for pod in snapshot.pods.value
        if pod.ref == ref and live(pod)
    ]
    return Known(tuple(sorted(uses, key=lambda use: (use.workload, use.pod.name))))
