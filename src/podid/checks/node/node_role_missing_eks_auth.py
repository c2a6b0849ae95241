"""The node's own role, with which the agent redeems the pods' tokens.

The right: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneksauth.html; the managed
policies that carry it: https://docs.aws.amazon.com/eks/latest/userguide/security-iam-awsmanpol.html.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from podid.checks.base import Case, Check, Verdicts, rule
from podid.domain.aws import Decision
from podid.domain.findings import EVERYONE, Subject, Verdict
from podid.domain.names import role_name
from podid.domain.snapshot import Snapshot, known
from podid.domain.text import short_list
from podid.facts.index import aws_role, index, role_subject
from podid.facts.nodes import REDEEM, minimal_policy, roles_of_nodes, strangers


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


@rule(
    needs=("cluster", "node_groups", "node_role_allowed"), wants=("nodes", "other_node_roles", "pods", "associations")
)
def node_role_missing_eks_auth(check: Check, snapshot: Snapshot) -> Verdicts:
    for found in judged_roles(check, snapshot):
        if not isinstance(found, NodeRole):
            yield found
        elif found.decision.allowed:
            yield found.case.ok(f"{REDEEM} is allowed")
        elif found.decision.organization_allows is False:
            yield found.case.skip("a service control policy denies it: see scp-denies-eks-auth")
        else:
            yield _denied(found, snapshot)
    if others := strangers(snapshot):
        yield check.case(Subject("NodeList", "self-managed")).skip(
            f"nobody says which role these nodes have, so it was not looked at: {short_list(others)}"
        )


def _denied(found: NodeRole, snapshot: Snapshot) -> Verdict:
    decision = found.decision
    attach = ("aws", "iam", "attach-role-policy", *aws_role(found.arn), "--policy-arn", minimal_policy(found.arn))
    bounded, explicit = decision.boundary_allows is False, decision.decision == "explicitDeny"
    why = " (its permissions boundary does not allow it)" if bounded else " (a policy denies it)" if explicit else ""
    cluster = known(snapshot.cluster)
    return found.case.fail(
        f"{found.words} may not {REDEEM} on {cluster.name}{why}: no pod there gets credentials",
        evidence=(f"iam:SimulatePrincipalPolicy for {found.arn} on {cluster.arn}: {decision.decision}",),
        # attaching a policy outweighs neither a boundary nor an explicit denial
        commands=() if bounded or explicit else (attach,),
        nodes=found.nodes,
    )


def judged_roles(check: Check, snapshot: Snapshot) -> Iterator[NodeRole | Verdict]:
    """The node roles that EKS names; a verdict in place of one that no node has, or that could not be looked at."""
    users = index(snapshot).users
    for role in roles_of_nodes(snapshot):
        chain = tuple(sorted({name for node in role.members or () for name in users.get(node, ())}))
        case = check.case(role_subject(role.arn), chain)
        if role.members == ():
            yield case.skip(f"no node of {role.used_by} exists")
        elif role.decision is None:
            yield check.case(case.subject, chain or EVERYONE).unknown(role.missing)
        else:
            yield NodeRole(role.arn, role.used_by, case, role.decision, role.members or ())
