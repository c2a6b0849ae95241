from podid.checks.base import Check, Snapshot, Verdicts, count_of, rule
from podid.checks.shared.logs import ends_by
from podid.domain.cluster import Container, Pod
from podid.domain.workloads import CANNOT_START, CRASHING
from podid.facts.agent import START_GRACE, blocked, importance, not_judged, unpulled, waits_for_port

_LINES = ("--all-containers", "--tail=50")


@rule(needs=("daemon_sets", "agent_pods"), wants=("nodes", "associations", "pods", "agent_crashes"))
def agent_pod_unhealthy(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, pod in check.of_agent_pods(snapshot):
        if reason := not_judged(snapshot, pod):
            yield case.skip(reason)
        elif unpulled(pod):
            yield case.skip("its image cannot be pulled")
        elif waits_for_port(pod) and blocked(snapshot):
            yield case.skip("another pod uses a port of its node; another check reports it")
        elif pod.ready:
            yield case.ok("the agent is ready")
        elif snapshot.taken_at - pod.created_at < START_GRACE and not any(
            c.waiting in (CRASHING, *CANNOT_START) for c in pod.containers
        ):
            yield case.skip("the pod is still starting")
        else:
            where = f"on node {pod.node}" if pod.node else "(not scheduled to a node)"
            yield case.fail(
                f"the agent {where} is not ready: {_trouble(pod)}",
                *(_state(c) for c in pod.containers if c.waiting or (not c.ready and not c.init)),
                severity=importance(snapshot),
                masked_by=ends_by(snapshot, pod) or "",
                commands=(
                    ("kubectl", "-n", pod.namespace, "describe", "pod", pod.name),
                    *((("kubectl", "-n", pod.namespace, "logs", pod.name, *_LINES),) if pod.node else ()),
                ),
            )


def _state(container: Container) -> str:
    ended = f", its last run ended with {container.ended}" if container.ended else ""
    restarts = count_of(container.restarts, "restart")
    return f"container {container.name}: {container.waiting or 'not ready'}, {restarts}{ended}"


def _trouble(pod: Pod) -> str:
    # Error and Completed only mean that it does not run any more
    why = {c.name: f" ({c.ended})" for c in pod.containers if c.ended not in ("", "Error", "Completed")}
    waiting = sorted({f"{c.waiting}{why.get(c.name, '')}" for c in pod.containers if c.waiting})
    if waiting:
        return ", ".join(waiting)
    return ": ".join(filter(None, (pod.reason, pod.message))) or f"phase {pod.phase}"
