"""Link 7: the node's own role, with which the agent redeems the pods' tokens.

The right: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneksauth.html; the managed
policies that carry it: https://docs.aws.amazon.com/eks/latest/userguide/security-iam-awsmanpol.html.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from podid.checks.base import Case, Check
from podid.domain.aws import Decision
from podid.domain.findings import EVERYONE, Verdict
from podid.domain.names import role_name
from podid.domain.snapshot import Snapshot
from podid.facts.index import index, role_subject
from podid.facts.nodes import _node_roles


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
