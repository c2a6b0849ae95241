"""Link 7: the agent may redeem tokens with the role of its node.

The permission: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneksauth.html; the managed
policies that carry it: https://docs.aws.amazon.com/eks/latest/userguide/security-iam-awsmanpol.html.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from podid.checks.base import EVERYONE, check
from podid.checks.facts import index
from podid.domain.findings import FixClass, Severity, Subject, Verdict
from podid.domain.model import Cluster, NodeGroup
from podid.domain.names import Arn
from podid.domain.snapshot import NOT_READ, Known, Missing, Snapshot, known, known_or
from podid.domain.words import short_list
from podid.domain.workloads import NODE_GROUP_LABEL

ACTION = "eks-auth:AssumeRoleForPodIdentity"
POLICY = "AmazonEKSWorkerNodePolicy"
AUTO_MODE = "EKS Auto Mode"


@check(
    id="node-role-missing-eks-auth",
    severity=Severity.ERROR,
    link=7,
    title=f"every node role allows {ACTION}",
    needs=("cluster", "node_groups", "node_role_allowed"),
    wants=("nodes", "pods", "associations"),
    fix=FixClass.ASK,
)
def node_role_missing_eks_auth(snapshot: Snapshot) -> Iterable[Verdict]:
    cluster, groups = known(snapshot.cluster), known(snapshot.node_groups)
    for arn, sources in node_roles(cluster, groups).items():
        subject, chain = Subject("Role", Arn.parse(arn).resource_name), _chain(snapshot, sources)
        allowed = snapshot.node_role_allowed.get(arn, NOT_READ)
        if _unused(snapshot, sources):
            yield node_role_missing_eks_auth.skip(subject, f"no node of {_used_by(sources)} exists", chain=chain)
        elif isinstance(allowed, Missing):
            yield node_role_missing_eks_auth.unknown(subject, allowed, chain=chain or EVERYONE)
        elif allowed.value:
            yield node_role_missing_eks_auth.ok(subject, f"{ACTION} is allowed", chain=chain)
        else:
            yield _denied(cluster, arn, sources, subject, chain)
    yield from _others(snapshot, groups)


def node_roles(cluster: Cluster, groups: Iterable[NodeGroup]) -> dict[str, tuple[str, ...]]:
    """ARN of each node role that EKS names -> the node groups that use it, and "EKS Auto Mode"."""
    found: dict[str, list[str]] = defaultdict(list)
    for group in groups:
        if group.node_role_arn:
            found[group.node_role_arn].append(group.name)
    if cluster.auto_mode and cluster.auto_node_role_arn:
        found[cluster.auto_node_role_arn].append(AUTO_MODE)
    return {arn: tuple(names) for arn, names in sorted(found.items())}


def _used_by(sources: tuple[str, ...]) -> str:
    groups = [name for name in sources if name != AUTO_MODE]
    words = [f"node group {short_list(groups)}"] if groups else []
    return " and ".join((*words, *((AUTO_MODE,) if AUTO_MODE in sources else ())))


def _members(snapshot: Snapshot, sources: tuple[str, ...]) -> list[str]:
    return [
        node.name
        for node in known_or(snapshot.nodes, ())
        if (node.compute_type == "auto" and AUTO_MODE in sources) or node.labels.get(NODE_GROUP_LABEL) in sources
    ]


def _unused(snapshot: Snapshot, sources: tuple[str, ...]) -> bool:
    """No live node uses the role; false when the nodes could not be read."""
    return isinstance(snapshot.nodes, Known) and not _members(snapshot, sources)


def _chain(snapshot: Snapshot, sources: tuple[str, ...]) -> tuple[str, ...]:
    users: Mapping[str, tuple[str, ...]] = index(snapshot).users
    return tuple(sorted({name for node in _members(snapshot, sources) for name in users.get(node, ())}))


def _denied(cluster: Cluster, arn: str, sources: tuple[str, ...], subject: Subject, chain: tuple[str, ...]) -> Verdict:
    policy = f"arn:{Arn.parse(arn).partition}:iam::aws:policy/{POLICY}"
    return node_role_missing_eks_auth.fail(
        subject,
        f"the role of {_used_by(sources)} may not {ACTION} on {cluster.name}: no pod there gets credentials",
        chain=chain,
        evidence=(
            f"iam:SimulatePrincipalPolicy for {arn} on {cluster.arn}: not allowed",
            "a service control policy or a permissions boundary can be what denies it",
        ),
        commands=(("aws", "iam", "attach-role-policy", "--role-name", subject.name, "--policy-arn", policy),),
    )


def _others(snapshot: Snapshot, groups: Iterable[NodeGroup]) -> Iterable[Verdict]:
    """Nodes that neither a managed node group nor Auto Mode accounts for: EKS does not tell their role."""
    names = {group.name for group in groups}
    strangers = [
        node.name
        for node in known_or(snapshot.nodes, ())
        if node.runs_agent and node.labels.get(NODE_GROUP_LABEL) not in names
    ]
    if strangers:
        yield node_role_missing_eks_auth.skip(
            Subject("NodeList", "self-managed"),
            f"EKS does not say which role these nodes have, so it was not looked at: {short_list(strangers)}",
        )
