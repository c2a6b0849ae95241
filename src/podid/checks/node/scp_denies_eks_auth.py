from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.node_roles import NodeRole, judged_roles
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot
from podid.facts.nodes import REDEEM


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
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


CHECK = Check.of(
    "scp-denies-eks-auth",
    rule,
    needs=("cluster", "node_groups", "node_role_allowed"),
    wants=("nodes", "other_node_roles", "pods", "associations", "tokens"),
)
