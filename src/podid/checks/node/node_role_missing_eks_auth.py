"""The permission: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneksauth.html; the
managed policies that carry it: https://docs.aws.amazon.com/eks/latest/userguide/security-iam-awsmanpol.html.
"""

from collections.abc import Iterable

from podid.checks.base import EVERYONE, Case, Check
from podid.checks.shared.facts import index
from podid.domain.findings import Subject, Verdict
from podid.domain.model import Cluster, NodeGroup
from podid.domain.names import Arn
from podid.domain.nodes import AUTO_MODE, REDEEM, node_roles
from podid.domain.snapshot import NOT_READ, Known, Missing, Snapshot, known, known_or
from podid.domain.words import short_list
from podid.domain.workloads import NODE_GROUP_LABEL

POLICY = "AmazonEKSWorkerNodePolicy"


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    cluster, groups = known(snapshot.cluster), known(snapshot.node_groups)
    for arn, sources in node_roles(cluster, groups).items():
        subject, chain = Subject("Role", Arn.parse(arn).resource_name), _chain(snapshot, sources)
        case, allowed = check.case(subject, chain), known(snapshot.node_role_allowed).get(arn, NOT_READ)
        if _unused(snapshot, sources):
            yield case.skip(f"no node of {_used_by(sources)} exists")
        elif isinstance(allowed, Missing):
            yield check.case(subject, chain or EVERYONE).unknown(allowed)
        elif allowed.value:
            yield case.ok(f"{REDEEM} is allowed")
        else:
            yield _denied(case, cluster, arn, sources)
    yield from _others(check, snapshot, groups)


CHECK = Check.of(
    "node-role-missing-eks-auth",
    rule,
    needs=("cluster", "node_groups", "node_role_allowed"),
    wants=("nodes", "pods", "associations"),
)


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
    users = index(snapshot).users
    return tuple(sorted({name for node in _members(snapshot, sources) for name in users.get(node, ())}))


def _denied(case: Case, cluster: Cluster, arn: str, sources: tuple[str, ...]) -> Verdict:
    policy = f"arn:{Arn.parse(arn).partition}:iam::aws:policy/{POLICY}"
    return case.fail(
        f"the role of {_used_by(sources)} may not {REDEEM} on {cluster.name}: no pod there gets credentials",
        evidence=(
            f"iam:SimulatePrincipalPolicy for {arn} on {cluster.arn}: not allowed",
            "a service control policy or a permissions boundary can be what denies it",
        ),
        commands=(("aws", "iam", "attach-role-policy", "--role-name", case.subject.name, "--policy-arn", policy),),
    )


def _others(check: Check, snapshot: Snapshot, groups: Iterable[NodeGroup]) -> Iterable[Verdict]:
    """Nodes that neither a managed node group nor Auto Mode accounts for: EKS does not tell their role."""
    names = {group.name for group in groups}
    strangers = [
        node.name
        for node in known_or(snapshot.nodes, ())
        if node.runs_agent and node.labels.get(NODE_GROUP_LABEL) not in names
    ]
    if strangers:
        yield check.case(Subject("NodeList", "self-managed")).skip(
            f"EKS does not say which role these nodes have, so it was not looked at: {short_list(strangers)}"
        )
