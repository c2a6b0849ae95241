"""A statement for EKS Pod Identity without the account or the cluster of the request: the confused deputy problem.

Source: IAM User Guide, "The confused deputy problem", section "Cross-service confused deputy prevention".
"""

from dataclasses import replace

from podid.checks.base import Case, Check, Known, Snapshot, Verdict, Verdicts, known_or, rule
from podid.checks.shared.roles import per_trust
from podid.domain.aws import Association
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.trust import TOO_BROAD, Policy, Statement, narrows
from podid.facts.index import show_role
from podid.facts.trust import judged

_SOURCES = frozenset({"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"})


@rule(needs=("associations", "roles"), wants=("cluster",))
def trust_without_source(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report a statement without account and cluster. trust-too-broad reports a trust policy that allows any
    cluster."""
    broad: set[str] = set()
    if isinstance(snapshot.cluster, Known):
        answers = ((arn, a) for arn, section in judged(snapshot).items() for a in known_or(section, None) or ())
        broad = {arn for arn, answer in answers if any(finding.id == TOO_BROAD for finding in answer.findings)}

    def judge(case: Case, policy: Policy, associations: list[Association]) -> Verdict:
        arn = associations[0].role_arn
        if arn in broad:
            return case.skip("the trust policy allows any cluster: see trust-too-broad")
        lacking = [statement.label for statement in policy.statements if _without_source(statement)]
        if not lacking:
            return case.ok(check.title)
        return case.fail(
            "the trust policy allows EKS Pod Identity without a condition on aws:SourceAccount or aws:SourceArn",
            *(f"statement: {label}" for label in lacking),
            commands=(show_role(arn),),
        )

    return per_trust(check, snapshot, judge)


def _without_source(statement: Statement) -> bool:
    if not statement.lets_assume or ("Service", PODS_PRINCIPAL) not in statement.principals:
        return False
    # EKS always sends the account and the cluster, so IfExists makes no difference
    sources = (replace(c, if_exists=False) for c in statement.conditions if c.name in _SOURCES)
    return not any(map(narrows, sources))
