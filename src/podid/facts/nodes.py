"""What a node shows of Pod Identity: whether the agent belongs on it, and which role its agent redeems tokens with.

Where the agent's DaemonSets go: https://github.com/aws/eks-pod-identity-agent (charts/) and
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

from podid.domain.aws import Cluster, NodeGroup
from podid.domain.cluster import DaemonSet, Node
from podid.domain.names import AWS_MANAGED, Arn
from podid.domain.placement import why_none_here
from podid.domain.workloads import NODE_GROUP_LABEL

REDEEM = "eks-auth:AssumeRoleForPodIdentity"
# AWS's own policies that allow it: https://docs.aws.amazon.com/eks/latest/userguide/security-iam-awsmanpol.html
REDEEMING_POLICIES = ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEKSWorkerNodePolicy")
AUTO_MODE = "EKS Auto Mode"


NodeKind = Literal["managed", "karpenter", "self-managed", "auto", "hybrid", "fargate", "windows"]
COMPUTE_TYPE = "eks.amazonaws.com/compute-type"
KARPENTER_LABEL = "karpenter.sh/nodepool"


def kind_of(node: Node) -> NodeKind:
    """Who makes the node, and with that where its role comes from."""
    if node.os == "windows":
        return "windows"
    for kind in ("auto", "hybrid", "fargate"):
        if node.compute_type == kind:
            return kind
    if NODE_GROUP_LABEL in node.labels:
        return "managed"
    return "karpenter" if KARPENTER_LABEL in node.labels else "self-managed"


def expects_agent(node: Node, agents: Sequence[DaemonSet]) -> bool:
    """Hybrid nodes have DaemonSets of their own, which are off by default: they count once one of these exists."""
    if node.compute_type == "hybrid" and node.os == "linux":
        return any(map(_for_hybrid, agents))
    return node.runs_agent


def _for_hybrid(agent: DaemonSet) -> bool:
    """By what it asks of its nodes; by its name where it asks for none of that kind."""
    asked = [each for term in agent.placement.terms or () for each in term if each.key == COMPUTE_TYPE]
    if asked:
        return any(each.operator == "In" and "hybrid" in each.values for each in asked)
    return agent.placement.selector.get(COMPUTE_TYPE) == "hybrid" or "-hybrid" in agent.name


def why_no_agent(node: Node) -> str:
    if node.compute_type == "auto":
        return "EKS Auto Mode: the agent is built in"
    if node.compute_type == "hybrid":
        return "hybrid node, and no hybrid DaemonSet of the agent is installed"
    if node.os != "linux" or node.compute_type == "fargate":
        return f"the agent cannot run on a {node.compute_type or node.os} node"
    return f"the agent has no image for {node.arch}"


def why_left_out(node: Node, agents: Sequence[DaemonSet]) -> str:
    """Why the agent's DaemonSets leave out a node that should have a pod of theirs: taint, selector or affinity. Empty
    where one of them takes it, so that something else keeps the pod away."""
    hybrid = node.compute_type == "hybrid"
    return why_none_here(node, (ds.placement for ds in agents if _for_hybrid(ds) is hybrid))


def unaccounted(nodes: Iterable[Node], groups: Iterable[NodeGroup]) -> tuple[Node, ...]:
    """Nodes that run the agent and that neither a managed node group nor Auto Mode accounts for: Karpenter's,
    self-managed and hybrid ones. EKS does not tell their role."""
    names = {group.name for group in groups}
    return tuple(
        node
        for node in nodes
        if (node.runs_agent or (node.compute_type == "hybrid" and node.os == "linux"))
        and node.labels.get(NODE_GROUP_LABEL) not in names
    )


def minimal_policy(role_arn: str) -> str:
    """The managed policy that lets a node's role redeem tokens, and nothing else."""
    return f"arn:{Arn.parse(role_arn).partition}{AWS_MANAGED}{REDEEMING_POLICIES[0]}"


def node_roles(cluster: Cluster, groups: Iterable[NodeGroup]) -> dict[str, tuple[str, ...]]:
    """ARN of each node role that EKS names -> the node groups that use it, and "EKS Auto Mode"."""
    found: dict[str, list[str]] = defaultdict(list)
    for group in groups:
        if group.node_role_arn:
            found[group.node_role_arn].append(group.name)
    if cluster.auto_mode and cluster.auto_node_role_arn:
        found[cluster.auto_node_role_arn].append(AUTO_MODE)
    return {arn: tuple(names) for arn, names in sorted(found.items())}
