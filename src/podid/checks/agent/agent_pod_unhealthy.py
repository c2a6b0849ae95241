from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.agent import START_GRACE, importance
from podid.checks.shared.facts import index
from podid.domain.findings import Subject, Verdict
from podid.domain.model import Node, Pod
from podid.domain.snapshot import Snapshot, known_or
from podid.domain.words import count_of
from podid.domain.workloads import live

HOPELESS = (
    "CrashLoopBackOff",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    facts = index(snapshot)
    for pod in known_or(snapshot.agent_pods, ()):
        case = check.case(Subject("Pod", pod.name, pod.namespace), facts.users.get(pod.node, ()))
        if reason := _not_judged(pod, facts.nodes.get(pod.node), snapshot):
            yield case.skip(reason)
        elif pod.ready:
            yield case.ok("the agent is ready")
        else:
            where = f"on node {pod.node}" if pod.node else "(not scheduled to a node)"
            yield case.fail(
                f"the agent {where} is not ready: {_trouble(pod)}",
                severity=importance(snapshot),
                evidence=tuple(
                    f"container {c.name}: {c.waiting or 'not ready'}, {count_of(c.restarts, 'restart')}"
                    for c in pod.containers
                    if c.waiting or (not c.ready and not c.init)
                ),
                commands=(
                    ("kubectl", "-n", pod.namespace, "describe", "pod", pod.name),
                    ("kubectl", "-n", pod.namespace, "logs", pod.name, "--all-containers", "--tail=50"),
                ),
            )


CHECK = Check.of(
    "agent-pod-unhealthy", rule, needs=("daemon_sets", "agent_pods"), wants=("nodes", "associations", "pods")
)


def _not_judged(pod: Pod, node: Node | None, snapshot: Snapshot) -> str:
    if not live(pod):
        return "the pod has ended; the DaemonSet replaces it"
    if node is not None and not node.ready:
        return f"node {node.name} is not ready, so its pods' states are out of date"
    young = snapshot.taken_at - pod.created_at < START_GRACE
    if not pod.ready and young and not any(c.waiting in HOPELESS for c in pod.containers):
        return "the pod is still starting"
    return ""


def _trouble(pod: Pod) -> str:
    waiting = sorted({c.waiting for c in pod.containers if c.waiting})
    if waiting:
        return ", ".join(waiting)
    return pod.reason or f"phase {pod.phase}"
