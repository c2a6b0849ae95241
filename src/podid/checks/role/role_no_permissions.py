from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.facts import chain_of, role_subject
from podid.checks.shared.roles import by_role, role_section
from podid.domain.findings import Severity, Verdict
from podid.domain.names import role_name
from podid.domain.snapshot import NOT_READ, Known, Missing, Snapshot, known


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    for arn, associations in by_role(snapshot).items():
        case, section = (
            check.case(role_subject(arn), chain_of(associations)),
            known(snapshot.role_policies).get(arn, NOT_READ),
        )
        if isinstance(snapshot.roles, Known) and role_section(snapshot, arn) == Known(None):
            yield case.skip("the role does not exist")
        elif isinstance(section, Missing):
            yield case.unknown(section)
        elif section.value:
            yield case.ok("the role has permission policies")
        else:
            yield case.fail(
                "the role has no permission policy: its pods may do nothing but what a resource's own policy allows",
                severity=Severity.WARN,
                evidence=("neither attached nor inline policies",),
                commands=(("podid", "role", "show", role_name(arn)),),
            )


CHECK = Check.of("role-no-permissions", rule, needs=("associations", "role_policies"), wants=("roles",))
