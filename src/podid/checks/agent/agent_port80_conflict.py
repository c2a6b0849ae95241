"""Who may preempt whom: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/."""

from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.agent import agents
from podid.checks.shared.facts import cluster_subject, index, podid_command
from podid.checks.shared.ports import FREES_PORT, NO_FREE_PORT, PROXY_PORT, holders, names_of
from podid.domain.findings import Severity, Subject, Verdict
from podid.domain.snapshot import Snapshot, known
from podid.domain.workloads import live


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    whole, sets = check.case(cluster_subject(snapshot)), agents(snapshot)
    if not sets:
        return [whole.skip("no DaemonSet runs the agent")]
    if not any(PROXY_PORT in ds.host_ports for ds in sets):
        return [whole.ok("the agent does not declare port 80, so other pods may have it")]
    pods, agent_pods = known(snapshot.pods), known(snapshot.agent_pods)
    served = {pod.node for pod in agent_pods if pod.ready}
    commands = (podid_command(snapshot, "install-agent", "--config", FREES_PORT),)
    found = [
        check.case(Subject("Node", node), index(snapshot).users.get(node, ())).fail(
            f"the agent cannot be scheduled on node {node}: port 80 is held by {names_of(held)}",
            evidence=(f"{pod.namespace}/{pod.name} takes port {PROXY_PORT} of the node" for pod in held),
            commands=commands,
        )
        for node, held in holders(pods, agent_pods).items()
        if node not in served
    ]
    found += [
        check.case(Subject("Pod", pod.name, pod.namespace)).fail(
            f"the pod cannot be scheduled: port {PROXY_PORT} of the nodes is the agent's",
            severity=Severity.WARN,
            evidence=(pod.message,),
            commands=commands,
        )
        for pod in pods
        if live(pod)
        and not pod.node
        and PROXY_PORT in pod.host_ports
        and NO_FREE_PORT in pod.message
        and pod not in agent_pods
    ]
    return found or [whole.ok(f"port {PROXY_PORT} of the agent's nodes is the agent's alone")]


CHECK = Check.of(
    "agent-port80-conflict", rule, needs=("daemon_sets", "agent_pods", "pods"), wants=("cluster", "associations")
)
