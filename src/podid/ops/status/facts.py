"""What a snapshot knows of one identity beside its status: who may assume its roles, and what its pods use."""

from __future__ import annotations

from dataclasses import dataclass

from podid.checks.shared import second_hop, trust
from podid.checks.shared.roles import role_section
from podid.checks.shared.uses import uses_of
from podid.domain.credentials import ContainerUse
from podid.domain.findings import Subject
from podid.domain.model import Association, Pod, Role, ServiceAccount
from podid.domain.names import ServiceAccountRef
from podid.domain.second_hop import SecondHop
from podid.domain.snapshot import Known, Missing, Section, Snapshot
from podid.domain.trust import Evaluation
from podid.domain.workloads import live, workload_subject


@dataclass(frozen=True, slots=True)
class PodUse:
    """A running pod and the credentials that each of its containers takes."""

    pod: Pod
    workload: Subject
    containers: tuple[ContainerUse, ...]


def role_of(snapshot: Snapshot, association: Association) -> Section[Role | None]:
    return snapshot.roles if isinstance(snapshot.roles, Missing) else role_section(snapshot, association.role_arn)


def trust_of(snapshot: Snapshot, association: Association) -> Section[Evaluation]:
    """How the trust policy of the association's role answers EKS for its pods."""
    if isinstance(snapshot.roles, Missing):
        return snapshot.roles
    for role in trust.judged(snapshot):
        if role.arn == association.role_arn:
            if role.gone:
                return Missing("the role does not exist", error_code="NotFound")
            found = next((each for each in role.answers if each.association.ref == association.ref), None)
            return (
                role.missing or Missing("the trust policy was not read") if found is None else Known(found.evaluation)
            )
    return Missing("the role was not read")


def hop_of(snapshot: Snapshot, association: Association) -> SecondHop | None:
    """How the association's role gets to its target role; None where it has none."""
    return next((hop for hop in second_hop.hops(snapshot) if hop.association.ref == association.ref), None)


def account_of(snapshot: Snapshot, ref: ServiceAccountRef) -> Section[ServiceAccount | None]:
    accounts = snapshot.service_accounts
    if isinstance(accounts, Missing):
        return accounts
    return Known(next((account for account in accounts.value if account.ref == ref), None))


def pods_of(snapshot: Snapshot, ref: ServiceAccountRef) -> Section[tuple[PodUse, ...]]:
    """The running pods of a service account, by workload."""
    if isinstance(snapshot.pods, Missing):
        return snapshot.pods
    maps = snapshot.config_map_keys
    found = [
        PodUse(pod, workload_subject(pod), uses_of(pod, maps))
        for pod in snapshot.pods.value
        if pod.ref == ref and live(pod)
    ]
    return Known(tuple(sorted(found, key=lambda use: (use.workload, use.pod.name))))
