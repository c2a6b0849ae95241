"""Ports of a node that the agent takes: one pod can have each.

https://github.com/aws/eks-pod-identity-agent/tree/main/charts; https://github.com/aws/eks-pod-identity-agent/issues/10.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from podid.checks.base import Check
from podid.checks.shared.agent import agents, importance
from podid.checks.shared.facts import index, podid_command
from podid.checks.shared.once import once
from podid.domain.cluster import Node, Pod
from podid.domain.findings import Subject, Verdict
from podid.domain.snapshot import Snapshot, known, known_or
from podid.domain.text import short_list
from podid.domain.workloads import live
from podid.facts.agent import NO_FREE_PORT, PROXY_PORT
from podid.facts.nodes import expects_agent, why_left_out


def holders(pods: Iterable[Pod], agent_pods: Iterable[Pod], port: int = PROXY_PORT) -> Mapping[str, tuple[Pod, ...]]:
    """Node -> the live pods other than the agent's that take the port of it."""
    agents = {pod.uid for pod in agent_pods}
    found: dict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        if pod.node and live(pod) and port in pod.host_ports and pod.uid not in agents:
            found[pod.node].append(pod)
    return {node: tuple(held) for node, held in sorted(found.items())}


def clashes(check: Check, snapshot: Snapshot, port: int, what: str, setting: str) -> list[Verdict]:
    """A finding for each node that is to have the agent, has none that is ready, and another pod with the `port`.
    `what` the agent on node X cannot do, and the `setting` that ends it."""
    pods, agent_pods, facts = known(snapshot.pods), known(snapshot.agent_pods), index(snapshot)
    served = {pod.node for pod in agent_pods if pod.ready or not live(pod)}
    return [
        check.case(Subject("Node", node), facts.users.get(node, ())).fail(
            f"the agent cannot {what} on node {node}: its port {port} is held by {names_of(held)}",
            severity=importance(snapshot),
            evidence=(f"{pod.namespace}/{pod.name} takes port {port} of the node" for pod in held),
            commands=(podid_command(snapshot, "install-agent", "--config", setting),),
        )
        for node, held in holders(pods, agent_pods, port).items()
        if node not in served and _wants_agent(snapshot, facts.nodes.get(node))
    ]


def _wants_agent(snapshot: Snapshot, node: Node | None) -> bool:
    sets = agents(snapshot)
    return node is not None and node.ready and expects_agent(node, sets) and not why_left_out(node, sets)


def waits_for_port(pod: Pod) -> bool:
    return not pod.node and NO_FREE_PORT in pod.message


@once
def blocked(snapshot: Snapshot) -> frozenset[str]:
    """Nodes of which a pod is seen to have a port that an agent's pod waits for."""
    pods, agent_pods = known_or(snapshot.pods, ()), known_or(snapshot.agent_pods, ())
    ports = {port for pod in agent_pods if waits_for_port(pod) for port in pod.host_ports}
    held = {node for port in ports for node in holders(pods, agent_pods, port)}
    return frozenset(held - {pod.node for pod in agent_pods if pod.ready})


def names_of(pods: Iterable[Pod]) -> str:
    return short_list(f"{pod.namespace}/{pod.name}" for pod in pods)
