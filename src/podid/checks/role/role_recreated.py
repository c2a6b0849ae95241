"""IAM treats a new role of the same name as a different role. Trust policies that named the old role contain its unique
id, and allow no principal.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids.
"""

from datetime import timedelta

from podid.checks.base import Check, Missing, Severity, Snapshot, Verdicts, known_or, rule
from podid.checks.shared import second_hop
from podid.domain.aws import Association, Role
from podid.domain.text import utc
from podid.facts.index import role_section
from podid.facts.trust import judged

# the clocks of EKS and of IAM may differ by seconds
APART = timedelta(minutes=1)


@rule(needs=(*second_hop.NEEDS, "roles", "target_roles"), wants=("pods",))
def role_recreated(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from _of_associations(check, snapshot)
    yield from second_hop.per_target_role(check, snapshot, "the target role's trust policy names no deleted principal")


def _of_associations(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, arn, associations in check.of_roles(snapshot):
        section = role_section(snapshot, arn)
        if isinstance(section, Missing):
            yield case.unknown(section)
            continue
        if section.value is None:
            yield case.skip("the role does not exist")
            continue
        answers = known_or(judged(snapshot)[arn], None) or ()
        named = [f for answer in answers for f in answer.findings if f.id == check.id]
        for finding in dict.fromkeys(named):
            yield case.fail(finding.message, f"fix: {finding.fix}", severity=finding.severity)
        newer = [a for a in associations if _newer(section.value, a)]
        if newer:
            yield check.of_role(arn, newer).fail(
                "the role was created after the last change of its association, so it replaced another role of the "
                "same name",
                f"role created: {utc(section.value.created_at)}",
                f"associations that named the old role: {len(newer)}",
                "other policies that named the old role do not apply to this one, and its own policies are new",
                severity=Severity.INFO,
            )
        if not named and not newer:
            yield case.ok("the role has not been replaced since it was associated")


def _newer(role: Role, association: Association) -> bool:
    changed = association.modified_at or association.created_at
    return role.created_at is not None and changed is not None and role.created_at > changed + APART
