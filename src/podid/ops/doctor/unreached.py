"""What keeps a pod of podid's own from the agent: of all that may, what else was read tells which it is."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from podid.checks.all import BY_ID
from podid.checks.runner import run_checks
from podid.checks.shared.agent_way import ways
from podid.checks.shared.facts import index
from podid.checks.shared.logs import UNREACHED
from podid.domain.findings import Outcome, Severity, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.sightings import Proof
from podid.domain.snapshot import Known, Snapshot, known_or
from podid.domain.words import short_list
from podid.domain.workloads import live

# nearest to the agent first: without one nothing else matters
_MAY_BE = (
    *("agent-not-installed", "agent-not-on-node", "agent-pod-unhealthy", "agent-port80-conflict"),
    *("networkpolicy-blocks-agent", "cilium-host-entity", "host-firewall-blocks-link-local"),
    *("sg-for-pods-blocks-agent", "service-mesh-intercepts"),
)
_ALL_LOOKED_AT = (
    "none of this keeps it from the agent; rules of the node's own packet filter are not to be seen from outside"
)


def unreached(snapshot: Snapshot, ref: ServiceAccountRef, node: str, what: str, labels: Mapping[str, str]) -> Proof:
    """`what` is what the pod met on `node`, and `labels` are its own. Unknown where a network policy shuts off podid's
    pod and lets those of the service account pass; else the failure mode that a check finds for them, or could not look
    for, and what was looked at."""
    if policies := _shut_off_alone(snapshot, ref, labels):
        return Proof(unknown=f"{what}: network policy {policies} shuts off podid's own pod, and not those of {ref}")
    verdicts = [verdict for verdict in _verdicts(snapshot) if _concerns(snapshot, verdict, ref, node)]
    worst = min(filter(_rank, verdicts), key=_rank, default=None)
    seen = tuple(f"{verdict.check}: {verdict.message}" for verdict in verdicts if verdict is not worst)
    if worst is None:
        return Proof(id=UNREACHED, problem=what, evidence=(*seen, _ALL_LOOKED_AT))
    found = worst.message if worst.outcome is Outcome.FAIL else f"not looked at: {worst.message}"
    return Proof(id=worst.check, problem=f"{what}; {found}", evidence=seen)


def _verdicts(snapshot: Snapshot) -> Iterable[Verdict]:
    return run_checks([BY_ID[mode] for mode in _MAY_BE], snapshot)


def _rank(verdict: Verdict) -> int:
    """How much it speaks for its failure mode, 1 most; 0 not at all."""
    if verdict.outcome is Outcome.FAIL and verdict.severity is not Severity.INFO:
        return 1 if verdict.severity is Severity.ERROR else 2
    return 3 if verdict.outcome is Outcome.UNKNOWN else 0


def _concerns(snapshot: Snapshot, verdict: Verdict, ref: ServiceAccountRef, node: str) -> bool:
    """Agents of other nodes do not."""
    if verdict.chain and verdict.chain != ("*",) and str(ref) not in verdict.chain:
        return False
    subject = verdict.subject
    if subject.kind == "Node":
        return subject.name == node
    agents = {(pod.namespace, pod.name): pod.node for pod in known_or(snapshot.agent_pods, ())}
    return subject.kind != "Pod" or agents.get((subject.namespace, subject.name), node) == node


def _shut_off_alone(snapshot: Snapshot, ref: ServiceAccountRef, labels: Mapping[str, str]) -> str:
    """The policies that isolate a pod of these labels, where the pods of the service account get through."""
    pods = [pod for pod in index(snapshot).pods.get(ref, ()) if live(pod) and not pod.host_network]
    if not isinstance(snapshot.network_policies, Known) or not pods:
        return ""
    (own,) = ways(snapshot, [replace(pods[0], labels=labels)])
    theirs = ways(snapshot, pods)
    if own.way.open or own.to_host or not all(item.way.open or item.to_host for item in theirs):
        return ""
    return short_list(policy.name for policy in own.way.isolated_by)
