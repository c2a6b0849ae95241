"""Permissions by which pods get more permissions than their role has. Their paths: `podid.domain.policy.escalation`."""

from podid.checks.base import Case, Check, Snapshot, Verdict, Verdicts, count_of, rule
from podid.checks.shared.roles import per_privileges
from podid.domain.aws import Association
from podid.domain.policy.escalation import escalations
from podid.domain.policy.evaluate import AccessVerdict
from podid.facts import privileges
from podid.facts.index import show_role

# other checks report these
_OWN_CHECKS = ("assume-any-role", "pass-any-role")


@rule(needs=privileges.NEEDS, wants=privileges.WANTS)
def role_privilege_escalation(check: Check, snapshot: Snapshot) -> Verdicts:
    def judge(case: Case, role: privileges.RolePrivileges, _: list[Association]) -> Verdict:
        if privileges.administration(role) is not None:
            return case.skip("the role is an administrator: see role-administrator")
        listed = escalations(role.access.ruling, role.access.passing)
        paths = [path for path in listed if path.verdict is AccessVerdict.ALLOWED and path.id not in _OWN_CHECKS]
        if not paths:
            return case.ok(check.title)
        first, *others = paths
        more = f", and {count_of(len(others), 'more way')}" if others else ""
        return case.fail(
            f"the pods can {first.words}{more}, and so get more permissions than the role has",
            *(f"{path.id}: {', '.join(item.action for item in path.actions)}" for path in paths),
            commands=(show_role(role.arn),),
        )

    return per_privileges(check, snapshot, judge)
