from podid.checks.base import Check, Verdicts, rule
from podid.checks.node.node_role_missing_eks_auth import NodeRole, judged_roles
from podid.domain.snapshot import Snapshot
from podid.facts.nodes import REDEEM


@rule(
    needs=("cluster", "node_groups", "node_role_allowed"),
    wants=("nodes", "other_node_roles", "pods", "associations", "tokens"),
)
def scp_denies_eks_auth(check: Check, snapshot: Snapshot) -> Verdicts:
    for found in judged_roles(check, snapshot):
        if not isinstance(found, NodeRole):
            yield found
        elif found.decision.organization_allows is False:
            yield found.case.fail(
                f"a service control policy denies {found.words} the right to {REDEEM}; no pod there gets credentials",
                evidence=(f"iam:SimulatePrincipalPolicy for {found.arn}: not allowed by the organization",),
                nodes=found.nodes,
            )
        else:
            yield found.case.ok("no service control policy denies it, as far as the simulation sees")
