"""Pods that reach the instance metadata service get the credentials of the node's role.

Source: EKS Best Practices Guide, "Restrict access to the instance profile assigned to the worker node".
"""

from collections.abc import Iterator

from podid.checks.base import Check, Known, Missing, Severity, Snapshot, Verdicts, known, known_or, part, rule
from podid.domain.aws import Instance
from podid.domain.cluster import Node
from podid.domain.evidence import Probed
from podid.domain.grouping import grouped
from podid.domain.names import role_name
from podid.domain.snapshot import NOT_READ
from podid.domain.text import count_of, short_list
from podid.domain.workloads import NODE_GROUP_LABEL
from podid.facts.nodes import OUTSIDE_EC2, group_subject

# of AWS, for nodes only
_OF_NODES = frozenset(
    {
        *("AmazonEKSWorkerNodePolicy", "AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryReadOnly"),
        *("AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy", "AmazonEKS_CNI_IPv6_Policy"),
        "AmazonSSMManagedInstanceCore",
    }
)


@rule(
    needs=("cluster", "nodes", "instances"),
    wants=("node_groups", "other_node_roles", "node_role_policies", "metadata_probes"),
)
def imds_open_to_pods(check: Check, snapshot: Snapshot) -> Verdicts:
    """Judge by the options of the instances. A probe, if one ran, can show that more or less is open."""
    instances, probes = known(snapshot.instances), known_or(snapshot.metadata_probes, {})
    if isinstance(snapshot.metadata_probes, Missing) and snapshot.metadata_probes != NOT_READ:
        yield check.of_cluster(snapshot).unknown(snapshot.metadata_probes)
    nodes = (node for node in known(snapshot.nodes) if node.compute_type not in OUTSIDE_EC2)
    for subject, members in grouped((group_subject(node), node) for node in nodes).items():
        case = check.case(subject)
        by_state = {node.name: instances.get(node.name) for node in members}
        open_nodes = [node for node in members if (own := by_state[node.name]) is not None and own.open_to_pods]
        probe = next((probes[node.name] for node in members if node.name in probes), None)
        reached = probe is not None and probe.redeemed is not None
        if not open_nodes and not reached:
            unclear = [name for name, own in by_state.items() if own is None or not own.closed_to_pods]
            if probe is not None and probe.missing is not None:
                yield case.unknown(probe.missing, f"not probed: {probe.missing.reason}")
            elif unclear and probe is None:
                yield case.unknown(Missing(f"EC2 does not report the hop limit of node {short_list(unclear)}"))
            else:
                yield case.ok(check.title)
            continue
        affected = open_nodes or [node for node in members if node.name in probes]
        further = tuple(_further_policies(snapshot, affected))
        refused = probe is not None and not reached and probe.missing is None
        yield case.fail(
            f"pods on {count_of(len(affected), 'node')} can reach the instance metadata service, and get the "
            "credentials of the node's role",
            *dict.fromkeys(way for node in open_nodes for way in _ways(instances[node.name])),
            *(() if probe is None else (_words(probe),)),
            *further,
            *(() if further else ("the node's role has policies for nodes only, or they could not be read",)),
            severity=None if further and not refused else Severity.INFO,
            nodes=[node.name for node in affected],
        )


def _ways(instance: Instance) -> tuple[str, ...]:
    """Return why answers of the metadata service reach pods."""
    hops = (f"hop limit of the metadata service: {instance.hop_limit}",) if instance.hop_limit > 1 else ()
    # the hop limit applies to the tokens of version 2 only
    return hops if instance.tokens_required else (*hops, "version 1 of the metadata service is enabled")


def _words(probe: Probed) -> str:
    where = f"podid's pod {probe.job} on node {probe.node}"
    if probe.missing is not None:
        return f"not probed: {probe.missing.reason}"
    if probe.redeemed is None:
        return f"{where} got no credentials: a network policy or a firewall may block its requests"
    role = role_name(probe.redeemed.role_arn) if probe.redeemed.role_arn else ""
    return f"{where} got credentials" + (f" of role {role}" if role else "")


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
    own = [group for group in known_or(snapshot.node_groups, ()) if group.name in groups]
    others = known_or(snapshot.other_node_roles, {})
    roles = {arn for arn, of_role in others.items() if names & set(of_role)}
    cluster = known(snapshot.cluster)
    auto = {cluster.auto_node_role_arn for node in nodes if node.compute_type == "auto"}
    return roles | ({group.node_role_arn for group in own} | auto) - {""}
