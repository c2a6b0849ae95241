"""IAM's quotas: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html. GetAccountSummary has those
of the account, which can be increased."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial

from podid.checks.base import Case, Check, Known, Missing, Outcome, Snapshot, Verdict, Verdicts, known, part, rule
from podid.checks.shared.roles import per_role
from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.errors import InvalidInput
from podid.facts.index import role_section, show_role

_SIZE, _ATTACHED, _ROLES = "AssumeRolePolicySizeQuota", "AttachedPoliciesPerRoleQuota", "Roles"


@rule(needs=("associations", "roles", "account_quotas"), wants=("cluster", "role_policies"))
def iam_quota(check: Check, snapshot: Snapshot) -> Verdicts:
    quotas = known(snapshot.account_quotas)
    account = check.of_cluster(snapshot)
    if _ROLES in quotas and f"{_ROLES}Quota" in quotas:
        yield _judged(account, [("roles of the account", quotas[_ROLES], quotas[f"{_ROLES}Quota"])], ())

    def judge(case: Case, role: Role, _: list[Association]) -> Verdict:
        counts = [(words, count, quotas[name]) for words, count, name in _uses(snapshot, role) if name in quotas]
        verdict, policies = _judged(case, counts, (show_role(role.arn),)), part(snapshot.role_policies, role.arn)
        passed = verdict.outcome is Outcome.PASS
        return case.unknown(policies) if passed and isinstance(policies, Missing) else verdict

    yield from per_role(check, snapshot, partial(role_section, snapshot), judge)


def _uses(snapshot: Snapshot, role: Role) -> Iterator[tuple[str, int, str]]:
    """Yield the subject of a quota in words, the amount that the role uses, and IAM's name of the quota."""
    with suppress(InvalidInput):
        yield "characters of the trust policy", trust.policy_size(trust.parse_policy(role.trust)), _SIZE
    policies = part(snapshot.role_policies, role.arn)
    if isinstance(policies, Known):
        yield "attached policies", len(policies.value.attached), _ATTACHED


def _judged(case: Case, counts: list[tuple[str, int, int]], commands: tuple[tuple[str, ...], ...]) -> Verdict:
    """Judge the use of a quota: nine tenths of it or more is a failure."""
    near = [(words, count, quota) for words, count, quota in counts if count * 10 >= quota * 9]
    if not near:
        return case.ok("; ".join(f"{count} of {quota} {words}" for words, count, quota in counts) or case.check.title)
    words, count, quota = max(near, key=lambda item: item[1] / max(item[2], 1))
    return case.fail(
        f"{count} of at most {quota} {words} are used: {max(quota - count, 0)} left",
        *(f"{words}: {count} of {quota}" for words, count, quota in counts),
        commands=commands,
    )
