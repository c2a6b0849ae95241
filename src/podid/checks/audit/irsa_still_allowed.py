"""Two ways to one role: the association, and the OIDC provider of the cluster in the role's trust policy."""

from podid.checks.base import Case, Check, Snapshot, Verdict, Verdicts, known, rule, short_list
from podid.checks.shared.roles import per_trust
from podid.domain.aws import Association
from podid.domain.trust import Policy, allows_by_issuer
from podid.facts.index import podid_command


@rule(needs=("cluster", "associations", "roles"))
def irsa_still_allowed(check: Check, snapshot: Snapshot) -> Verdicts:
    provider = known(snapshot.cluster).oidc_provider_arn

    def judge(case: Case, policy: Policy, associations: list[Association]) -> Verdict:
        if not provider:
            return case.skip("the cluster has no OIDC issuer")
        refs = [str(a.ref) for a in associations if allows_by_issuer(policy, provider, a.ref)]
        if not refs:
            return case.ok(check.title)
        return case.fail(
            f"the trust policy allows {short_list(refs)} both by IRSA and by EKS Pod Identity",
            f"OIDC provider: {provider}",
            commands=(podid_command(snapshot, "migrate", "status", *refs[:3]),),
        )

    return per_trust(check, snapshot, judge)
