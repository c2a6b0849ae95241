"""The agent's probes have a port of the node: https://github.com/aws/eks-pod-identity-agent/issues/26. What processes
outside Kubernetes hold is not seen here; the agent's log names it.
"""

from collections.abc import Iterable, Sequence

from podid.checks.base import Check
from podid.checks.shared.agent import agents, importance, not_judged, option
from podid.checks.shared.facts import cluster_subject, index, podid_command
from podid.checks.shared.ports import PROXY_PORT, holders, names_of
from podid.domain.findings import Subject, Verdict
from podid.domain.model import DaemonSet
from podid.domain.nodes import expects_agent
from podid.domain.snapshot import Snapshot, known

PROBE_PORT = 2703
FREE_PORT = "agent.probePort=2704"


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    whole, sets, facts = check.case(cluster_subject(snapshot)), agents(snapshot), index(snapshot)
    if not sets:
        return [whole.skip("no DaemonSet runs the agent")]
    pods, agent_pods, port = known(snapshot.pods), known(snapshot.agent_pods), _port(sets)
    served = {pod.node for pod in agent_pods if pod.ready or not_judged(pod, facts.nodes.get(pod.node))}
    found = [
        check.case(Subject("Node", node), facts.users.get(node, ())).fail(
            f"the agent cannot start on node {node}: its probe port {port} is held by {names_of(held)}",
            severity=importance(snapshot),
            evidence=(f"{pod.namespace}/{pod.name} takes port {port} of the node" for pod in held),
            commands=(podid_command(snapshot, "install-agent", "--config", FREE_PORT),),
        )
        for node, held in holders(pods, agent_pods, port).items()
        if node not in served and node in facts.nodes and expects_agent(facts.nodes[node], sets)
    ]
    return found or [whole.ok(f"port {port} of the nodes is the agent's, or the agent is ready all the same")]


CHECK = Check.of(
    "agent-probe-port-conflict",
    rule,
    needs=("daemon_sets", "agent_pods", "pods"),
    wants=("cluster", "associations", "nodes"),
)


def _port(sets: Sequence[DaemonSet]) -> int:
    typed = next((value for ds in sets if (value := option((*ds.command, *ds.args), "--probe-port"))), "")
    return int(typed) if typed.isascii() and typed.isdigit() and int(typed) != PROXY_PORT else PROBE_PORT
