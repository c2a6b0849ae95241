"""The node role, with which the agent redeems the pods' tokens.

The permission: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneksauth.html; the managed
policies that include it: https://docs.aws.amazon.com/eks/latest/userguide/security-iam-awsmanpol.html.
"""

from podid.checks.base import Case, Check, Missing, Snapshot, Subject, Verdict, Verdicts, known, rule
from podid.checks.shared.nodes import per_node_role
from podid.domain.aws import Decision
from podid.domain.iam import DENIALS, repair_of
from podid.domain.names import role_name
from podid.domain.text import short_list
from podid.facts.index import aws_role, users_on
from podid.facts.nodes import REDEEM, RoleInUse, minimal_policy, nodes_of_unknown_role


@rule(
    needs=("cluster", "node_groups", "node_role_allowed"), wants=("nodes", "other_node_roles", "pods", "associations")
)
def node_role_missing_eks_auth(check: Check, snapshot: Snapshot) -> Verdicts:
    def judge(case: Case, role: RoleInUse, decision: Decision) -> Verdict:
        if decision.allowed:
            return case.ok(f"{REDEEM} is allowed")
        if decision.organization_allows is False:
            return case.skip("a service control policy denies it, which scp-denies-eks-auth reports")
        return _denied(case, snapshot, role, decision)

    def gone(case: Case, role: RoleInUse) -> Verdict:
        words = f"{role.words} does not exist: no pod there gets credentials"
        return case.fail(words, "fix: create the role again, or replace the node group", nodes=role.nodes or ())

    yield from per_node_role(check, snapshot, judge, gone)
    if others := nodes_of_unknown_role(snapshot):
        case = check.case(Subject("NodeList", "self-managed"), users_on(snapshot, others))
        section = snapshot.other_node_roles
        words = f"not checked: nodes whose role is not known: {short_list(others)}"
        yield case.unknown(section) if isinstance(section, Missing) else case.skip(words)


def _denied(case: Case, snapshot: Snapshot, role: RoleInUse, decision: Decision) -> Verdict:
    attach = ("aws", "iam", "attach-role-policy", *aws_role(role.arn), "--policy-arn", minimal_policy(role.arn))
    why = f" ({DENIALS[decision.denied_by]})" if decision.denied_by else ""
    cluster = known(snapshot.cluster)
    return case.fail(
        f"{role.words} is not authorized to perform {REDEEM} on {cluster.name}{why}: no pod there gets credentials",
        f"iam:SimulatePrincipalPolicy for {role.arn} on {cluster.arn}: {decision.decision}",
        f"fix: {repair_of(decision.denied_by, f'{REDEEM} on {cluster.arn}', role_name(role.arn))}",
        # an attached policy overrides neither a boundary nor an explicit Deny
        commands=(attach,) if decision.lacks_a_policy else (),
        nodes=role.nodes or (),
    )
