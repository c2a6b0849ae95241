"""Permissions by which pods get more permissions than their role has. Their paths: `podid.domain.policy.paths`."""

from podid.checks.base import Case, Check, Missing, Snapshot, Verdict, Verdicts, count_of, rule
from podid.checks.shared.roles import per_privileges
from podid.domain.policy.escalation import escalations, is_administrator
from podid.domain.policy.evaluate import AccessVerdict
from podid.facts import privileges
from podid.facts.index import show_role

# other checks report these
_OWN_CHECKS = ("assume-any-role", "pass-any-role")


@rule(needs=privileges.NEEDS, wants=privileges.WANTS)
def role_privilege_escalation(check: Check, snapshot: Snapshot) -> Verdicts:
    def judge(case: Case, role: privileges.RolePrivileges) -> Verdict:
        if is_administrator(role.access):
            return case.skip("the role is an administrator: see role-administrator")
        possible = [path for path in escalations(role.access) if path.id not in _OWN_CHECKS]
        certain = [path for path in possible if path.verdict is AccessVerdict.ALLOWED]
        if not possible:
            return case.ok(check.title)
        first, *others = certain or possible
        more = f", and {count_of(len(others), 'more way')}" if others else ""
        words = f"the pods can {first.words}{more}, and so get more permissions than the role has"
        if not certain:
            return case.unknown(Missing(first.reason), f"not known whether {words}: {first.reason}")
        return case.fail(
            words,
            *(f"{path.id}: {', '.join(item.action for item in path.actions)}" for path in certain),
            *(f"not known: {path.id}: {path.reason}" for path in possible if path not in certain),
            commands=(show_role(role.arn),),
        )

    return per_privileges(check, snapshot, judge)
