"""What keeps a pod of podid's own from the agent: of all that may, what else was read tells which it is."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from podid.checks.shared import alone
from podid.checks.shared.agent_way import ways
from podid.checks.shared.facts import index
from podid.checks.shared.logs import in_logs
from podid.domain.evidence import PROBE_LABELS
from podid.domain.findings import Outcome, Severity, Verdict
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Snapshot, known_or
from podid.domain.text import short_list
from podid.domain.workloads import live

# the agent cannot be reached from a pod, and nothing that can be read says why
UNREACHED = "host-firewall-blocks-link-local"
# nearest to the agent first: without one nothing else matters
_MAY_BE = (
    *("agent-not-installed", "agent-not-on-node", "agent-pod-unhealthy", "agent-port80-conflict"),
    *("networkpolicy-blocks-agent", "cilium-host-entity", UNREACHED),
    *("sg-for-pods-blocks-agent", "service-mesh-intercepts"),
)
_NONE_OF_THEM = (
    "none of this keeps it from the agent; rules of the node's own packet filter are not to be seen from outside"
)


@dataclass(frozen=True, slots=True)
class Cause:
    """The failure mode that keeps the pod from the agent, and what speaks for it. `own_only`: podid's own pod alone."""

    id: str
    message: str
    evidence: tuple[str, ...] = ()
    own_only: bool = False


def cause(snapshot: Snapshot, ref: ServiceAccountRef, node: str, what: str) -> Cause:
    """`what` is what the pod met on `node`. The failure mode is one that a check finds for the service account's pods
    there, or could not look for. It says nothing of them where a network policy shuts off podid's own pod alone."""
    if policies := _shut_off_alone(snapshot, ref):
        said = f"{what}: network policy {policies} shuts off podid's own pod, and not those of {ref}"
        return Cause(UNREACHED, said, own_only=True)
    verdicts = [verdict for verdict in _verdicts(snapshot) if _concerns(snapshot, verdict, ref, node)]
    worst = min(filter(_rank, verdicts), key=_rank, default=None)
    seen = tuple(f"{verdict.check}: {verdict.message}" for verdict in verdicts if verdict is not worst)
    if worst is None:
        return Cause(UNREACHED, what, (*seen, _NONE_OF_THEM))
    found = worst.message if worst.outcome is Outcome.FAIL else f"not looked at: {worst.message}"
    return Cause(worst.check, f"{what}; {found}", seen)


def _verdicts(snapshot: Snapshot) -> Iterator[Verdict]:
    from podid.checks.all import BY_ID  # which imports every check, and these what they share

    for check in (BY_ID[mode] for mode in _MAY_BE):
        found = (*alone.judge(check, snapshot), *in_logs(check, snapshot))
        yield from sorted(found, key=lambda verdict: (verdict.subject, verdict.outcome, verdict.message))


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


def _shut_off_alone(snapshot: Snapshot, ref: ServiceAccountRef) -> str:
    """The policies that isolate podid's own pod, where the pods of the service account get through."""
    pods = [pod for pod in index(snapshot).pods.get(ref, ()) if live(pod) and not pod.host_network]
    if not isinstance(snapshot.network_policies, Known) or not pods:
        return ""
    (own,) = ways(snapshot, [replace(pods[0], labels=PROBE_LABELS)])
    theirs = ways(snapshot, pods)
    if own.way.open or own.to_host or not all(item.way.open or item.to_host for item in theirs):
        return ""
    return short_list(policy.name for policy in own.way.isolated_by)
