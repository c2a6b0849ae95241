"""Ports of a node that the agent takes: one pod can have each.

https://github.com/aws/eks-pod-identity-agent/tree/main/charts; https://github.com/aws/eks-pod-identity-agent/issues/10.
"""

from collections.abc import Iterable, Mapping

from podid.domain.cluster import Pod
from podid.domain.grouping import grouped
from podid.domain.snapshot import Snapshot, known_or
from podid.domain.text import short_list
from podid.domain.workloads import live
from podid.facts.agent import NO_FREE_PORT, PROXY_PORT
from podid.facts.index import once


def holders(pods: Iterable[Pod], agent_pods: Iterable[Pod], port: int = PROXY_PORT) -> Mapping[str, tuple[Pod, ...]]:
    """Node -> the live pods other than the agent's that take the port of it."""
    agents = {pod.uid for pod in agent_pods}
    held = grouped(
        (pod.node, pod) for pod in pods if pod.node and live(pod) and port in pod.host_ports and pod.uid not in agents
    )
    return {node: tuple(members) for node, members in sorted(held.items())}


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
