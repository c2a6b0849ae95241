from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.facts import aws_role
from podid.checks.shared.node_roles import NodeRole, judged_roles, strangers
from podid.domain.findings import Subject, Verdict
from podid.domain.snapshot import Snapshot, known
from podid.domain.text import short_list
from podid.facts.nodes import REDEEM, minimal_policy


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
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


CHECK = Check.of(
    "node-role-missing-eks-auth",
    rule,
    needs=("cluster", "node_groups", "node_role_allowed"),
    wants=("nodes", "other_node_roles", "pods", "associations"),
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
