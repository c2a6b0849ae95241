"""The pods that a verdict affects, among those of the service accounts in its chain."""

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

# subjects that affect only pods that are created from now on
_OF_NEW_PODS = ("MutatingWebhookConfiguration", "PodTemplate")
# objects by which a product gets credentials: the own pods of the service account do not depend on them
_OF_PRODUCTS = ("SecretStore", "ClusterSecretStore", "Issuer", "ClusterIssuer", "PersistentVolume")
_WORKLOADS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController")


@dataclass(frozen=True, slots=True)
class AffectedPods:
    """The pods of its identities that a verdict affects: those in `pods` ("ns/name"), on `nodes` or of `workload`, if
    set; with `new`, also pods that are created from now on."""

    pods: frozenset[str] | None = None
    nodes: frozenset[str] | None = None
    workload: Subject | None = None
    running: bool = True
    new: bool = True

    @property
    def of_nodes(self) -> bool:
        """Return whether running pods are affected because of their node. There may be a thousand such nodes."""
        return self.running and self.pods is None and self.nodes is not None

    @property
    def keys(self) -> Iterable[Hashable]:
        """Return keys for the affected running pods, except those that are affected because of their node. `keys_of`
        such a pod has one of them."""
        if not self.running or self.of_nodes:
            return ()
        return (self.workload,) if self.pods is None else self.pods


def keys_of(pod: Pod) -> tuple[Hashable, ...]:
    return (None, f"{pod.namespace}/{pod.name}", workload_subject(pod))


def concerned(verdict: Verdict, snapshot: Snapshot) -> AffectedPods:
    """Return the pods that the verdict affects, of the identities in its `chain`."""
    new = bearing_of(verdict) is not Bearing.RESTART
    subject = verdict.subject
    if verdict.pods:
        return AffectedPods(pods=frozenset(verdict.pods), new=new)
    if verdict.nodes:
        return AffectedPods(nodes=frozenset(verdict.nodes), new=new)
    if subject.kind in _OF_NEW_PODS or subject.kind in _OF_PRODUCTS:
        return AffectedPods(running=False, new=subject.kind in _OF_NEW_PODS)
    if subject.kind == "Node":
        return AffectedPods(nodes=frozenset({subject.name}), new=new)
    if subject.kind == "Pod":
        agent = next((pod for pod in known_or(snapshot.agent_pods, ()) if pod.node and pod.subject == subject), None)
        if agent is not None:
            return AffectedPods(nodes=frozenset({agent.node}), new=new)
        return AffectedPods(pods=frozenset({f"{subject.namespace}/{subject.name}"}), new=new)
    # a workload with chain EVERYONE affects pods of others, such as a DaemonSet that changes the nodes' packet filter
    workload = subject.kind in _WORKLOADS or subject in index(snapshot).controllers
    if workload and verdict.chain != EVERYONE:
        nodes = _nodes_of_agent(snapshot, subject)
        return AffectedPods(nodes=nodes, new=new) if nodes is not None else AffectedPods(workload=subject, new=new)
    return AffectedPods(new=new)


def shuts_nodes(verdict: Verdict, snapshot: Snapshot) -> bool:
    """Return whether this failure keeps all pods on some nodes from getting credentials."""
    broken = verdict.outcome is Outcome.FAIL and verdict.severity is Severity.ERROR
    if not broken or verdict.chain == EVERYONE or bearing_of(verdict) is not Bearing.STOPS:
        return False
    # the failure of a DaemonSet does not show which nodes lack an agent, only that nodes with its pods have one
    return verdict.subject.kind not in _WORKLOADS and concerned(verdict, snapshot).of_nodes


def has_pods(snapshot: Snapshot, ref: ServiceAccountRef) -> bool:
    """Return whether the service account has live pods on known nodes."""
    return any(pod.node and live(pod) and not opted_out(pod) for pod in index(snapshot).pods.get(ref, ()))


def _nodes_of_agent(snapshot: Snapshot, subject: Subject) -> frozenset[str] | None:
    """Return the nodes with a pod of the agent's DaemonSet of this name; None for any other workload."""
    sets = [ds for ds in agents(snapshot) if ds.subject == subject]
    if not sets:
        return None
    pods = known_or(snapshot.agent_pods, ())
    return frozenset(pod.node for pod in pods if live(pod) and any(runs_in(pod, ds) for ds in sets))


def bearing_of(verdict: Verdict) -> Bearing:
    check = BY_ID.get(verdict.check)
    return Bearing.STOPS if check is None else check.bearing
