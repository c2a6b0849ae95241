"""Nodes and Pod Identity: whether a node should run the agent, and the node role that the agent uses.

The placement of the agent's DaemonSets: https://github.com/aws/eks-pod-identity-agent (charts/) and
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from podid.domain.aws import Cluster, Decision, NodeGroup
from podid.domain.cluster import DaemonSet, Node, Pod
from podid.domain.findings import Subject
from podid.domain.grouping import grouped
from podid.domain.names import AWS_MANAGED, Arn, role_name
from podid.domain.snapshot import Known, Section, Snapshot, known, known_or, part
from podid.domain.text import short_list
from podid.domain.workloads import NODE_GROUP_LABEL, why_none_here
from podid.facts.index import index

REDEEM = "eks-auth:AssumeRoleForPodIdentity"
# AWS managed policies that allow it: https://docs.aws.amazon.com/eks/latest/userguide/security-iam-awsmanpol.html
REDEEMING_POLICIES = ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEKSWorkerNodePolicy")
AUTO_MODE = "EKS Auto Mode"
OUTSIDE_EC2 = ("fargate", "hybrid")
NodeKind = Literal["managed", "karpenter", "self-managed", "auto", "hybrid", "fargate", "windows"]
COMPUTE_TYPE = "eks.amazonaws.com/compute-type"
KARPENTER_LABEL = "karpenter.sh/nodepool"
# EKS sets it on the nodes of a node group with an own launch template, and so on those with an own image or user data:
# EKS User Guide, "Understand each phase of node updates"
_LAUNCH_TEMPLATE = "eks.amazonaws.com/sourceLaunchTemplateId"


def kind_of(node: Node) -> NodeKind:
    """Return the manager of the node, which determines the source of its role."""
    if node.os == "windows":
        return "windows"
    for kind in ("auto", "hybrid", "fargate"):
        if node.compute_type == kind:
            return kind
    if NODE_GROUP_LABEL in node.labels:
        return "managed"
    return "karpenter" if KARPENTER_LABEL in node.labels else "self-managed"


def has_own_image(node: Node) -> bool:
    """Return whether the node may have another image or other user data than those of EKS."""
    return kind_of(node) != "managed" or _LAUNCH_TEMPLATE in node.labels


def expects_agent(node: Node, agents: Sequence[DaemonSet]) -> bool:
    """Return whether the node should run an agent. Hybrid nodes should only if a hybrid DaemonSet exists."""
    if node.compute_type == "hybrid" and node.os == "linux":
        return any(map(for_hybrid, agents))
    return node.runs_agent


def for_hybrid(agent: DaemonSet) -> bool:
    """Return whether the DaemonSet is for hybrid nodes, by its placement, else by its name."""
    requirements = [
        requirement for term in agent.placement.terms or () for requirement in term if requirement.key == COMPUTE_TYPE
    ]
    if requirements:
        return any(requirement.operator == "In" and "hybrid" in requirement.values for requirement in requirements)
    return agent.placement.selector.get(COMPUTE_TYPE) == "hybrid" or "-hybrid" in agent.name


def why_no_agent(node: Node) -> str:
    if node.compute_type == "auto":
        return "EKS Auto Mode: the agent is built in"
    if node.compute_type == "hybrid":
        return "hybrid node without a hybrid DaemonSet of the agent"
    if node.os != "linux" or node.compute_type == "fargate":
        return f"the agent cannot run on a {node.compute_type or node.os} node"
    return f"the agent has no image for {node.arch}"


def why_left_out(node: Node, agents: Sequence[DaemonSet]) -> str:
    """Return why the agent's DaemonSets exclude a node that should run the agent: taint, selector or affinity. Empty if
    one of them includes the node, so that the pod is missing for another reason."""
    hybrid = node.compute_type == "hybrid"
    return why_none_here(node, (ds.placement for ds in agents if for_hybrid(ds) is hybrid))


def unaccounted(nodes: Iterable[Node], groups: Iterable[NodeGroup]) -> tuple[Node, ...]:
    """Return the Karpenter, self-managed and hybrid nodes that run the agent. EKS does not report their role."""
    names = {group.name for group in groups}
    return tuple(
        node
        for node in nodes
        if (node.runs_agent or (node.compute_type == "hybrid" and node.os == "linux"))
        and node.labels.get(NODE_GROUP_LABEL) not in names
    )


def minimal_policy(role_arn: str) -> str:
    """Return the ARN of the managed policy that only allows a node role to redeem tokens."""
    return f"arn:{Arn.parse(role_arn).partition}{AWS_MANAGED}{REDEEMING_POLICIES[0]}"


def node_roles(cluster: Cluster, groups: Iterable[NodeGroup]) -> dict[str, tuple[str, ...]]:
    """Return the ARN of each node role that EKS reports -> the node groups that use it, and "EKS Auto Mode"."""
    users = [(group.node_role_arn, group.name) for group in groups]
    users += [(cluster.auto_node_role_arn, AUTO_MODE)] if cluster.auto_mode else []
    return {arn: tuple(names) for arn, names in sorted(grouped(users).items()) if arn}


@dataclass(frozen=True, slots=True)
class RoleInUse:
    """A node role that EKS reports. `nodes` are its nodes, None if these could not be read; `decision` is the result of
    the simulation."""

    arn: str
    used_by: str
    nodes: tuple[str, ...] | None
    decision: Section[Decision]

    @property
    def words(self) -> str:
        """Return name and ARN, because another person may have to fix the role."""
        return f"role {role_name(self.arn)} of {self.used_by} ({self.arn})"


def roles_of_nodes(snapshot: Snapshot) -> Iterator[RoleInUse]:
    """Yield the node roles. Cluster, node groups and simulations must be known."""
    cluster, node_groups = known(snapshot.cluster), known(snapshot.node_groups)
    decisions, by_name = snapshot.node_role_allowed, index(snapshot).nodes
    for arn, sources in node_roles(cluster, node_groups).items():
        groups = [name for name in sources if name != AUTO_MODE]
        words = [f"node group {short_list(groups)}"] if groups else []
        used_by = " and ".join((*words, *((AUTO_MODE,) if AUTO_MODE in sources else ())))
        nodes = None
        if isinstance(snapshot.nodes, Known):
            nodes = tuple(node.name for node in snapshot.nodes.value if _has_role(node, sources))
        yield RoleInUse(arn, used_by, nodes, part(decisions, arn))
    for arn, nodes in known_or(snapshot.other_node_roles, {}).items():
        kinds = sorted({kind_of(by_name[name]) for name in nodes if name in by_name})
        # `karpenter node ip-10-0-0-1 and 3 more`
        yield RoleInUse(arn, f"{' and '.join(kinds)} node {short_list(nodes, 1)}", nodes, part(decisions, arn))


def _has_role(node: Node, sources: tuple[str, ...]) -> bool:
    """Return whether an agent on the node uses the role. No agent runs on a Windows node."""
    if node.compute_type == "auto":
        return AUTO_MODE in sources
    return node.runs_agent and node.labels.get(NODE_GROUP_LABEL) in sources


def of_unknown_metadata(snapshot: Snapshot, pods: Iterable[Pod]) -> list[str]:
    """Return the pods' nodes for which EC2 does not report whether their metadata service answers pods. Nodes outside
    EC2 have none."""
    instances, nodes = known_or(snapshot.instances, {}), index(snapshot).nodes
    outside = {name for name, node in nodes.items() if node.compute_type in OUTSIDE_EC2}
    reported = {name for name, instance in instances.items() if instance.open_to_pods or instance.closed_to_pods}
    return sorted({pod.node for pod in pods if pod.node} - outside - reported)


def nodes_of_unknown_role(snapshot: Snapshot) -> list[str]:
    known_nodes = {name for nodes in known_or(snapshot.other_node_roles, {}).values() for name in nodes}
    nodes, groups = known_or(snapshot.nodes, ()), known(snapshot.node_groups)
    return [node.name for node in unaccounted(nodes, groups) if node.name not in known_nodes]


def group_subject(node: Node) -> Subject:
    """Return the node group or the node pool of the node, or else the node itself."""
    if name := node.labels.get(NODE_GROUP_LABEL):
        return Subject("NodeGroup", name)
    if name := node.labels.get(KARPENTER_LABEL):
        return Subject("NodePool", name)
    return node.subject
