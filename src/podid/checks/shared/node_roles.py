"""Link 7: the node's own role, with which the agent redeems the pods' tokens.

The right: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneksauth.html; the managed
policies that carry it: https://docs.aws.amazon.com/eks/latest/userguide/security-iam-awsmanpol.html.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from podid.checks.base import EVERYONE, Case, Check
from podid.checks.shared.facts import index, role_subject
from podid.domain.aws import Decision
from podid.domain.findings import Verdict
from podid.domain.names import role_name
from podid.domain.snapshot import NOT_READ, Known, Missing, Snapshot, known, known_or
from podid.domain.text import short_list
from podid.domain.workloads import NODE_GROUP_LABEL
from podid.facts.nodes import AUTO_MODE, kind_of, node_roles, unaccounted


@dataclass(frozen=True, slots=True)
class RoleInUse:
    """A node role that EKS names. `members` are its live nodes, None where these could not be read; `decision` is what
    the simulation says, and `missing` why there is none."""

    arn: str
    used_by: str
    members: tuple[str, ...] | None
    decision: Decision | None = None
    missing: Missing = NOT_READ


@dataclass(frozen=True, slots=True)
class NodeRole:
    """A role that live nodes have, and what the simulation says of it; `case` is that of the check that looks.
    `nodes` are empty where these could not be read."""

    arn: str
    used_by: str
    case: Case
    decision: Decision
    nodes: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """By name and ARN: who mends it may be another than who reads of it."""
        return f"role {role_name(self.arn)} of {self.used_by} ({self.arn})"


def node_roles_in_use(snapshot: Snapshot) -> Iterator[RoleInUse]:
    """Without those that no live node has. Cluster, node groups and the simulations have to be there."""
    return (role for role in _node_roles(snapshot) if role.members is None or role.members)


def judged_roles(check: Check, snapshot: Snapshot) -> Iterator[NodeRole | Verdict]:
    """The node roles that EKS names; a verdict in place of one that no node has, or that could not be looked at."""
    users = index(snapshot).users
    for role in _node_roles(snapshot):
        chain = tuple(sorted({name for node in role.members or () for name in users.get(node, ())}))
        case = check.case(role_subject(role.arn), chain)
        if role.members == ():
            yield case.skip(f"no node of {role.used_by} exists")
        elif role.decision is None:
            yield check.case(case.subject, chain or EVERYONE).unknown(role.missing)
        else:
            yield NodeRole(role.arn, role.used_by, case, role.decision, role.members or ())


def _node_roles(snapshot: Snapshot) -> Iterator[RoleInUse]:
    cluster, groups = known(snapshot.cluster), known(snapshot.node_groups)
    for arn, sources in node_roles(cluster, groups).items():
        members = tuple(_members(snapshot, sources)) if isinstance(snapshot.nodes, Known) else None
        yield _in_use(snapshot, arn, _used_by(sources), members)
    for arn, members in _others(snapshot).items():
        yield _in_use(snapshot, arn, _kinds(snapshot, members), members)


def _in_use(snapshot: Snapshot, arn: str, used_by: str, members: tuple[str, ...] | None) -> RoleInUse:
    found = known(snapshot.node_role_allowed).get(arn, NOT_READ)
    if isinstance(found, Missing):
        return RoleInUse(arn, used_by, members, missing=found)
    return RoleInUse(arn, used_by, members, found.value)


def _kinds(snapshot: Snapshot, members: tuple[str, ...]) -> str:
    """`karpenter node ip-10-0-0-1 and 3 more`."""
    nodes = index(snapshot).nodes
    kinds = sorted({kind_of(nodes[name]) for name in members if name in nodes})
    return f"{' and '.join(kinds)} node {short_list(members, 1)}"


def _others(snapshot: Snapshot) -> Mapping[str, tuple[str, ...]]:
    return known_or(snapshot.other_node_roles, {})


def strangers(snapshot: Snapshot) -> list[str]:
    """Nodes whose role nobody tells."""
    told = {name for members in _others(snapshot).values() for name in members}
    nodes, groups = known_or(snapshot.nodes, ()), known(snapshot.node_groups)
    return [node.name for node in unaccounted(nodes, groups) if node.name not in told]


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
