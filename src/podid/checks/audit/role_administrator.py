from podid.checks.base import Case, Check, Snapshot, Verdict, Verdicts, rule
from podid.checks.shared.roles import per_privileges, too_wide
from podid.facts import privileges


@rule(needs=privileges.NEEDS, wants=privileges.WANTS)
def role_administrator(check: Check, snapshot: Snapshot) -> Verdicts:
    def judge(case: Case, role: privileges.RolePrivileges) -> Verdict:
        if (broad := privileges.administration(role)) is None:
            return case.ok(check.title)
        words, ruling = broad
        return too_wide(case, role.arn, f"the role allows {words} on any resource", ruling)

    return per_privileges(check, snapshot, judge)
