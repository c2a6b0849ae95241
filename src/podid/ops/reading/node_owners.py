"""Which role a node has that neither a managed node group nor Auto Mode accounts for."""

from collections.abc import Collection, Sequence
from contextlib import suppress

from podid.domain.cluster import NODE_CLASS_LABEL, Node, NodeClass
from podid.domain.errors import PodidError
from podid.domain.snapshot import Known, Missing, known_or
from podid.facts.nodes import node_roles, unaccounted
from podid.ops.reading.source import Source


def other_node_roles(source: Source) -> dict[str, tuple[str, ...]]:
    """By the nodes' instances, else by Karpenter's classes of nodes; where these do not tell, an access entry does if
    it is the only one of its kind that is left, and nodes join by access entries alone: where aws-auth counts too, it
    may be another's."""
    nodes, groups = source.before("nodes"), source.before("node_groups")
    if isinstance(nodes, Missing) or isinstance(groups, Missing):
        return {}
    left = unaccounted(nodes.value, groups.value)
    found, failure = _instance_roles(source, [node for node in left if node.compute_type != "hybrid"])
    found |= _class_roles(source, [node for node in left if node.name not in found])
    lacking = [node for node in left if node.name not in found]
    if lacking and source.cluster.authentication_mode == "API":
        taken = {*node_roles(source.cluster, groups.value), *found.values()}
        with suppress(PodidError):
            found |= _entry_roles(source, lacking, taken)
    if failure is not None and not found:
        raise failure
    return {arn: tuple(sorted(n for n, each in found.items() if each == arn)) for arn in sorted(set(found.values()))}


def _entry_roles(source: Source, nodes: Sequence[Node], taken: Collection[str]) -> dict[str, str]:
    """Node -> the only role that is not `taken` and that an access entry lets its kind join with."""
    entries = source.eks.list_access_entries(source.cluster.name)
    found: dict[str, str] = {}
    for kind in ("EC2_LINUX", "HYBRID_LINUX"):
        arns = [entry.principal_arn for entry in entries if entry.kind == kind and entry.principal_arn not in taken]
        if len(arns) == 1:
            hybrid = kind == "HYBRID_LINUX"
            found |= {node.name: arns[0] for node in nodes if (node.compute_type == "hybrid") is hybrid}
    return found


def _instance_roles(source: Source, nodes: Sequence[Node]) -> tuple[dict[str, str], PodidError | None]:
    """Node -> the ARN of its instance's role, and what stood in the way of telling."""
    instances = {node.instance_id: node.name for node in nodes if node.instance_id}
    if not instances:
        return {}, None
    try:
        profiles = source.ec2.list_instance_profiles(tuple(instances))
        arns = {arn for arn in profiles.values() if arn}
        roles = {arn: source.iam.find_profile_role(arn.rpartition("/")[2]) for arn in sorted(arns)}
    except PodidError as error:
        return {}, error
    told = {instances[each]: roles.get(arn, "") for each, arn in profiles.items() if each in instances}
    return {name: role for name, role in told.items() if role}, None


def node_classes(source: Source) -> tuple[NodeClass, ...]:
    """Asked for where nodes name one."""
    nodes = source.before("nodes")
    named = isinstance(nodes, Known) and any(NODE_CLASS_LABEL in node.labels for node in nodes.value)
    return source.kube.list_node_classes() if named else ()


def _class_roles(source: Source, nodes: Sequence[Node]) -> dict[str, str]:
    """Node -> the ARN of the role that its EC2NodeClass names; nothing where that cannot be read."""
    of_class = {node.name: node.labels.get(NODE_CLASS_LABEL, "") for node in nodes}
    classes = {each.name: each for each in known_or(source.before("node_classes"), ())}
    try:
        arns = {name: _role_of_class(source, classes[name]) for name in set(of_class.values()) & classes.keys()}
    except PodidError:
        return {}
    return {node: arn for node, name in of_class.items() if (arn := arns.get(name, ""))}


def _role_of_class(source: Source, node_class: NodeClass) -> str:
    """Karpenter takes a role's name. Its path IAM tells; where it does not, most roles have none."""
    if not node_class.role:
        return source.iam.find_profile_role(node_class.instance_profile) if node_class.instance_profile else ""
    try:
        role = source.iam.find_role(node_class.role)
    except PodidError:
        role = None
    return role.arn if role else f"arn:{source.cluster.partition}:iam::{source.cluster.account}:role/{node_class.role}"
