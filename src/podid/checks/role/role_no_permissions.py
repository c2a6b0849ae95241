from podid.checks.base import Case, Check, Known, Missing, Snapshot, Verdicts, known_or, part, rule
from podid.domain.findings import Severity, Verdict
from podid.domain.iam import Document, allowed_actions, denies_everything
from podid.domain.section import Section, whole
from podid.facts.index import by_role, role_section, show_role


@rule(needs=("associations", "role_policies"), wants=("roles", "permission_policies"))
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
            yield _judged(case, arn, whole(part(snapshot.permission_policies, arn)))
        else:
            yield case.fail(
                "the role has no permission policy: its pods have only permissions from resource-based policies",
                "attached policies: none",
                "inline policies: none",
                severity=Severity.WARN,
                commands=(show_role(arn),),
            )


def _judged(case: Case, arn: str, policies: Section[dict[str, Document]]) -> Verdict:
    documents = known_or(policies, {})
    denial = next((name for name, document in documents.items() if denies_everything(document)), "")
    if denial:
        return case.fail(
            f"policy {denial} of the role denies every action: its pods have no permissions",
            commands=(show_role(arn),),
        )
    if documents and not allowed_actions(documents.values()):
        return case.fail(
            "the role's policies allow no action, or deny what they allow: its pods have only permissions from "
            "resource-based policies",
            f"policies: {', '.join(documents)}",
            severity=Severity.WARN,
            commands=(show_role(arn),),
        )
    return case.ok("the role has permission policies")
