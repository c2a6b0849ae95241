from podid.checks.base import Case, Check, Missing, Severity, Snapshot, Verdict, Verdicts, count_of, rule, short_list
from podid.checks.shared.roles import per_role
from podid.domain.aws import Association
from podid.domain.names import role_name
from podid.domain.trust import ScopeKind, TrustVerdict
from podid.facts.index import podid_command
from podid.facts.trust import TrustAnswer, judged


@rule(needs=("cluster", "associations", "roles"))
def trust_wider_than_use(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report a trust policy that allows more service accounts than use the role. trust-too-broad reports one that is
    not restricted to the account."""

    def judge(case: Case, answers: tuple[TrustAnswer, ...], associations: list[Association]) -> Verdict:
        evaluations = [answer.evaluation for answer in answers if answer.association.session_tags]
        if not evaluations:
            return case.skip("without session tags, a trust policy cannot name service accounts")
        scopes = [evaluation.scope for evaluation in evaluations if evaluation.scope is not None]
        narrowed = (scope for scope in scopes if scope.narrowed)
        wide = max(narrowed, key=lambda scope: scope.kind.rank, default=None)
        if wide is None or wide.kind is ScopeKind.SERVICE_ACCOUNT:
            if any(not scope.narrowed for scope in scopes):
                return case.skip("the trust policy allows any cluster: see trust-too-broad")
            if undecided := [e for e in evaluations if e.assume_role.verdict is TrustVerdict.UNKNOWN]:
                reason = undecided[0].assume_role.reason
                return case.unknown(Missing(reason), f"not known which service accounts it allows: {reason}")
            return case.ok(check.title)
        users = [str(association.ref) for association in associations]
        return case.fail(
            f"the trust policy allows {wide.words}, but {count_of(len(users), 'service account')} "
            f"{'has' if len(users) == 1 else 'have'} an association with the role",
            f"associations: {short_list(users)}",
            severity=Severity.INFO if wide.kind is ScopeKind.NAMESPACE else None,
            commands=(podid_command(snapshot, "trust", "tighten", "--role", role_name(associations[0].role_arn)),),
        )

    return per_role(check, snapshot, judged(snapshot).__getitem__, judge)
