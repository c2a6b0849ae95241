"""Kubernetes does not start the agent on a new node before the application's pods:
https://github.com/aws/eks-pod-identity-agent/issues/159.
"""

from datetime import timedelta

from podid.checks.base import Check, Snapshot, Verdict, known, rule, short_list
from podid.domain.cluster import Pod
from podid.domain.workloads import injected
from podid.facts.index import placed

# without credentials an application fails soon after its start
SOON = timedelta(minutes=2)
# on a single node it may be chance
NODES = 2
# an agent's pod that was ready before is ready anew after an outage of its node: its start is not that long
START = timedelta(minutes=10)


@rule(needs=("associations", "pods", "agent_pods"), wants=("cluster", "daemon_sets"))
def node_startup_race(check: Check, snapshot: Snapshot) -> Verdict:
    """Report a warning if it happened on several nodes: these pods have recovered, but pods on the next new node will
    fail again."""
    agents = {pod.node: pod for pod in known(snapshot.agent_pods) if pod.ready_since is not None}
    early = [
        (str(association.ref), pod)
        for association, _, pods in placed(snapshot)
        for pod in pods
        if injected(pod) and pod.node in agents and _too_early(pod, agents[pod.node])
    ]
    nodes = sorted({pod.node for _, pod in early})
    case = check.of_cluster(snapshot, tuple(sorted({ref for ref, _ in early})))
    if len(nodes) < NODES:
        return case.ok("no pod failed on a node while its agent was starting")
    names = short_list(f"{pod.namespace}/{pod.name}" for _, pod in early)
    return case.fail(
        f"pods started before the agent of their node was ready, and failed once: {names} on {short_list(nodes)}",
        *(
            f"{pod.namespace}/{pod.name} failed while agent {agents[pod.node].name} was starting on {pod.node}"
            for _, pod in early[:5]
        ),
        pods=(pod for _, pod in early),
    )


def _too_early(pod: Pod, agent: Pod) -> bool:
    """Return whether a container's failed run began while the agent's pod of its node was starting."""
    ready = agent.ready_since
    runs = (c.failed for c in pod.containers if c.failed is not None)
    return ready is not None and any(
        agent.created_at <= began < min(ready, agent.created_at + START) and ended - began <= SOON
        for began, ended in runs
    )
