from podid.checks.base import Check, Known, Missing, Severity, Snapshot, Verdicts, part, rule
from podid.facts.index import by_role, role_section, show_role


@rule(needs=("associations", "role_policies"), wants=("roles",))
def role_no_permissions(check: Check, snapshot: Snapshot) -> Verdicts:
    """Judge roles that pods use. base-role-cannot-assume-target judges whether a role can assume its target role."""
    yield from check.undescribed(snapshot)
    for arn, associations in by_role(snapshot).items():
        acting = [a for a in associations if not a.target_role_arn]
        case, section = check.of_role(arn, acting), part(snapshot.role_policies, arn)
        if not acting:
            yield case.skip("its pods use their target role")
        elif role_section(snapshot, arn) == Known(None):
            yield case.skip("the role does not exist")
        elif isinstance(section, Missing):
            yield case.unknown(section)
        elif section.value:
            yield case.ok("the role has permission policies")
        else:
            yield case.fail(
                "the role has no permission policy: its pods have only permissions from resource-based policies",
                "attached policies: none",
                "inline policies: none",
                severity=Severity.WARN,
                commands=(show_role(arn),),
            )
