from podid.checks.base import Case, Check, Snapshot, Verdict, Verdicts, rule
from podid.checks.shared.nodes import per_node_role
from podid.domain.aws import Decision
from podid.facts.nodes import REDEEM, RoleInUse


@rule(
    needs=("cluster", "node_groups", "node_role_allowed"),
    wants=("nodes", "other_node_roles", "pods", "associations", "tokens"),
)
def scp_denies_eks_auth(check: Check, snapshot: Snapshot) -> Verdicts:
    def judge(case: Case, role: RoleInUse, decision: Decision) -> Verdict:
        if decision.organization_allows is not False:
            return case.ok("the simulation shows no service control policy that denies it")
        return case.fail(
            f"a service control policy denies {REDEEM} to {role.words}: no pod there gets credentials",
            f"iam:SimulatePrincipalPolicy for {role.arn}: not allowed by the organization",
            nodes=role.nodes or (),
        )

    def gone(case: Case, role: RoleInUse) -> Verdict:
        return case.skip(f"{role.words} does not exist, which node-role-missing-eks-auth reports")

    return per_node_role(check, snapshot, judge, gone)
