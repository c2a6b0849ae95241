"""Pods that reach the instance metadata service get the credentials of the node's role.

Source: EKS Best Practices Guide, "Restrict access to the instance profile assigned to the worker node".
"""

from collections.abc import Iterator

from podid.checks.base import Check, Known, Severity, Snapshot, Verdicts, count_of, known, part, rule, short_list
from podid.domain.aws import Instance
from podid.domain.cluster import Node
from podid.domain.findings import Subject
from podid.domain.grouping import grouped
from podid.domain.names import role_name
from podid.domain.workloads import NODE_GROUP_LABEL
from podid.facts.nodes import KARPENTER_LABEL, node_roles

# of AWS, for nodes only
_OF_NODES = frozenset(
    {
        *("AmazonEKSWorkerNodePolicy", "AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryReadOnly"),
        *("AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy", "AmazonEKS_CNI_IPv6_Policy"),
        "AmazonSSMManagedInstanceCore",
    }
)


@rule(needs=("cluster", "nodes", "instances"), wants=("node_groups", "other_node_roles", "node_role_policies"))
def imds_open_to_pods(check: Check, snapshot: Snapshot) -> Verdicts:
    instances = known(snapshot.instances)
    nodes = (node for node in known(snapshot.nodes) if node.name in instances)
    for subject, members in grouped((_subject(node), node) for node in nodes).items():
        case = check.case(subject)
        open_nodes = [node for node in members if _is_open(instances[node.name])]
        if not open_nodes:
            yield case.ok(check.title)
            continue
        further = tuple(_further_policies(snapshot, open_nodes))
        hops = sorted({instances[node.name].hop_limit for node in open_nodes})
        yield case.fail(
            f"pods on {count_of(len(open_nodes), 'node')} can reach the instance metadata service, and get the "
            "credentials of the node's role",
            severity=None if further else Severity.INFO,
            evidence=(
                f"hop limit of the metadata service: {', '.join(map(str, hops))}",
                *further,
                *(() if further else ("the node's role has policies for nodes only, or they could not be read",)),
            ),
            nodes=[node.name for node in open_nodes],
        )


def _is_open(instance: Instance) -> bool:
    """Return whether answers of the metadata service reach pods with a network of their own."""
    return instance.metadata and instance.hop_limit > 1


def _subject(node: Node) -> Subject:
    if name := node.labels.get(NODE_GROUP_LABEL):
        return Subject("NodeGroup", name)
    if name := node.labels.get(KARPENTER_LABEL):
        return Subject("NodePool", name)
    return node.subject


def _further_policies(snapshot: Snapshot, nodes: list[Node]) -> Iterator[str]:
    """Yield the policies of the nodes' roles that nodes do not need."""
    for arn in sorted(_roles(snapshot, nodes)):
        names = part(snapshot.node_role_policies, arn)
        if not isinstance(names, Known):
            continue
        further = [policy.rpartition("/")[2] for policy in names.value.attached]
        further = [policy for policy in further if policy not in _OF_NODES] + list(names.value.inline)
        if further:
            yield f"further policies of role {role_name(arn)}: {short_list(further)}"


def _roles(snapshot: Snapshot, nodes: list[Node]) -> set[str]:
    names = {node.name for node in nodes}
    groups = {node.labels.get(NODE_GROUP_LABEL, "") for node in nodes}
    roles: set[str] = set()
    if isinstance(snapshot.node_groups, Known):
        own = tuple(group for group in snapshot.node_groups.value if group.name in groups)
        roles |= set(node_roles(known(snapshot.cluster), own)) if own else set()
    if isinstance(snapshot.other_node_roles, Known):
        roles |= {arn for arn, of_role in snapshot.other_node_roles.value.items() if names & set(of_role)}
    return roles
