"""Link 3: the webhook injected the environment variables and the token into the pod when it was created.

The webhook does this only at creation, and only after the association has reached it. If the webhook is slow, the API
server skips it silently (failurePolicy Ignore):
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html and
https://github.com/aws/amazon-eks-pod-identity-webhook.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from podid.domain.aws import Listed, UnreadAssociation
from podid.domain.cluster import Node, Pod
from podid.domain.findings import Subject
from podid.domain.grouping import grouped
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import (
    TOKEN_VOLUME,
    carries_irsa,
    injected,
    live,
    missing_containers,
    on_fargate,
    on_windows,
    opted_out,
)
from podid.facts.index import by_workload, index, once

# a pod that started this soon after a change and has no injected fields was probably earlier than the webhook, which
# receives associations some seconds after the response of the API
RACE_WINDOW = timedelta(seconds=60)


class PodState(Enum):
    """The state of injection of a pod of an associated service account. Every pod is in exactly one."""

    INJECTED = auto()
    ENDED = auto()
    OPTED_OUT = auto()
    NO_AGENT_POSSIBLE = auto()
    IRSA = auto()
    PREDATES = auto()
    RACED = auto()
    MISSED = auto()
    UNDATED = auto()


@dataclass(frozen=True, slots=True)
class Group:
    """The pods of one workload that run as an associated service account, by state."""

    association: Listed
    workload: Subject
    states: Mapping[PodState, tuple[Pod, ...]]

    @property
    def total(self) -> int:
        return sum(len(pods) for state, pods in self.states.items() if state is not PodState.ENDED)


def missed_by_webhook(pod: Pod) -> bool:
    """Return whether the webhook did not inject the pod. It adds the volume to every pod that it injects; later another
    webhook can remove variables or add containers."""
    return TOKEN_VOLUME not in pod.volumes and bool(missing_containers(pod))


def state_of(pod: Pod, association: Listed, nodes: Mapping[str, Node]) -> PodState:
    """Return the pod's state. Creation times of Kubernetes are whole seconds, so those of EKS are truncated."""
    if not live(pod):
        return PodState.ENDED
    if injected(pod) and not missing_containers(pod):
        return PodState.INJECTED
    if on_fargate(pod, nodes) or on_windows(pod, nodes):
        return PodState.NO_AGENT_POSSIBLE
    if opted_out(pod):
        return PodState.OPTED_OUT
    if carries_irsa(pod):
        return PodState.IRSA
    if not missed_by_webhook(pod):
        return PodState.INJECTED
    if isinstance(association, UnreadAssociation) or association.created_at is None:
        return PodState.UNDATED
    created = association.created_at.replace(microsecond=0)
    modified = (association.modified_at or created).replace(microsecond=0)
    if pod.created_at < created:
        return PodState.PREDATES
    if any(start <= pod.created_at <= start + RACE_WINDOW for start in (created, modified)):
        return PodState.RACED
    return PodState.MISSED


@once
def groups(snapshot: Snapshot) -> tuple[Group, ...]:
    facts, result = index(snapshot), []
    for ref, association in sorted(facts.associations.items()):
        for workload, pods in by_workload(facts.pods.get(ref, ())).items():
            states = grouped((state_of(pod, association, facts.nodes), pod) for pod in pods)
            result.append(Group(association, workload, {state: tuple(members) for state, members in states.items()}))
    return tuple(result)
