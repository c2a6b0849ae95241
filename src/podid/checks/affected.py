"""Which pods a verdict concerns, of the service accounts that are its chain."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from podid.checks.all import BY_ID
from podid.domain.cluster import Pod
from podid.domain.findings import EVERYONE, Bearing, Outcome, Severity, Subject, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Snapshot, known_or
from podid.domain.workloads import live, opted_out, runs_in, workload_subject
from podid.facts.agent import agents
from podid.facts.index import index

# what is true of pods that are made from now on
_OF_NEW_PODS = ("MutatingWebhookConfiguration", "PodTemplate")
_WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController")


@dataclass(frozen=True, slots=True)
class AffectedPods:
    """Which pods of its identities a verdict concerns: those in `pods` ("ns/name"), on `nodes` or of `workload`, where
    these are given, and the pods that are made from now on if `new`."""

    pods: frozenset[str] | None = None
    nodes: frozenset[str] | None = None
    workload: Subject | None = None
    running: bool = True
    new: bool = True

    @property
    def of_nodes(self) -> bool:
        """Whether a running pod is covered for its node's sake, of which there may be a thousand."""
        return self.running and self.pods is None and self.nodes is not None

    @property
    def keys(self) -> Iterable[Hashable]:
        """One of them is among the keys of every other running pod that it covers."""
        if not self.running or self.of_nodes:
            return ()
        return (self.workload,) if self.pods is None else self.pods


def keys_of(pod: Pod) -> tuple[Hashable, ...]:
    return (None, f"{pod.namespace}/{pod.name}", workload_subject(pod))


def concerned(verdict: Verdict, snapshot: Snapshot) -> AffectedPods:
    """The pods of the verdict's identities that it is about. Which identities these are is its `chain`."""
    new = bearing_of(verdict) is not Bearing.RESTART
    subject = verdict.subject
    if verdict.pods:
        return AffectedPods(pods=frozenset(verdict.pods), new=new)
    if verdict.nodes:
        return AffectedPods(nodes=frozenset(verdict.nodes), new=new)
    if subject.kind in _OF_NEW_PODS:
        return AffectedPods(running=False)
    if subject.kind == "Node":
        return AffectedPods(nodes=frozenset({subject.name}), new=new)
    if subject.kind == "Pod":
        agent = next((pod for pod in known_or(snapshot.agent_pods, ()) if pod.node and pod.subject == subject), None)
        if agent is not None:
            return AffectedPods(nodes=frozenset({agent.node}), new=new)
        return AffectedPods(pods=frozenset({f"{subject.namespace}/{subject.name}"}), new=new)
    # of a workload that harms everybody, such as one that changes the nodes' packet filter
    if subject.kind in _WORKLOADS and verdict.chain != EVERYONE:
        nodes = _nodes_of_agent(snapshot, subject)
        return AffectedPods(nodes=nodes, new=new) if nodes is not None else AffectedPods(workload=subject, new=new)
    return AffectedPods(new=new)


def shuts_nodes(verdict: Verdict, snapshot: Snapshot) -> bool:
    """Whether pods on some nodes get no credentials by it, whoever's they are."""
    broken = verdict.outcome is Outcome.FAIL and verdict.severity is Severity.ERROR
    if not broken or verdict.chain == EVERYONE or bearing_of(verdict) is not Bearing.STOPS:
        return False
    # which nodes lack an agent because of its DaemonSet is open: those where it runs do not
    return verdict.subject.kind not in _WORKLOADS and concerned(verdict, snapshot).of_nodes


def has_pods(snapshot: Snapshot, ref: ServiceAccountRef) -> bool:
    """Whether live pods of the service account are known to be on nodes."""
    return any(pod.node and live(pod) and not opted_out(pod) for pod in index(snapshot).pods.get(ref, ()))


def _nodes_of_agent(snapshot: Snapshot, subject: Subject) -> frozenset[str] | None:
    """Where the agent's DaemonSet of this name runs; None for any other workload."""
    sets = [ds for ds in agents(snapshot) if ds.subject == subject]
    if not sets:
        return None
    pods = known_or(snapshot.agent_pods, ())
    return frozenset(pod.node for pod in pods if live(pod) and any(runs_in(pod, ds) for ds in sets))


def bearing_of(verdict: Verdict) -> Bearing:
    check = BY_ID.get(verdict.check)
    return Bearing.STOPS if check is None else check.bearing
