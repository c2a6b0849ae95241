"""Ports of a node that the agent takes: one pod can have each.

https://github.com/aws/eks-pod-identity-agent/tree/main/charts; https://github.com/aws/eks-pod-identity-agent/issues/10.
"""

from podid.checks.base import Check
from podid.domain.cluster import Node
from podid.domain.findings import Subject, Verdict
from podid.domain.snapshot import Snapshot, known
from podid.domain.workloads import live
from podid.facts.agent import agents, importance
from podid.facts.index import index, podid_command
from podid.facts.nodes import expects_agent, why_left_out
from podid.facts.ports import holders, names_of


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
