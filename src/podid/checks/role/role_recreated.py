"""A role of the same name is another role to IAM: what named the old one holds its unique id now, and lets nobody in.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids.
"""

from datetime import timedelta

from podid.checks.base import Check, Missing, Severity, Snapshot, Verdicts, rule
from podid.checks.shared import second_hop
from podid.domain.aws import Association, Role
from podid.domain.text import utc
from podid.facts.index import chain_of, role_section, role_subject
from podid.facts.trust import judged

# the clocks of EKS and of IAM need not agree to the second
APART = timedelta(minutes=1)


@rule(needs=(*second_hop.NEEDS, "roles", "target_roles"), wants=("pods",))
def role_recreated(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from _of_associations(check, snapshot)
    yield from second_hop.per_target_role(check, snapshot, "the target role's trust names nobody who is gone")


def _of_associations(check: Check, snapshot: Snapshot) -> Verdicts:
    by_arn = {role.arn: role for role in judged(snapshot)}
    for case, arn, associations in check.of_roles(snapshot):
        section = role_section(snapshot, arn)
        if isinstance(section, Missing):
            yield case.unknown(section)
            continue
        if section.value is None:
            yield case.skip("the role does not exist")
            continue
        named = [f for answer in by_arn[arn].answers for f in answer.findings if f.id == check.id]
        for finding in dict.fromkeys(named):
            yield case.fail(finding.message, severity=finding.severity, evidence=(f"to do: {finding.fix}",))
        newer = [a for a in associations if _newer(section.value, a)]
        if newer:
            yield check.case(role_subject(arn), chain_of(newer)).fail(
                "the role is younger than the last change of its association, so it replaced another one of this name",
                severity=Severity.INFO,
                evidence=(
                    f"role made {utc(section.value.created_at)}",
                    f"associations that named the old one: {len(newer)}",
                    "policies elsewhere that named the old role do not mean this one, and its own policies are new",
                ),
            )
        if not named and not newer:
            yield case.ok("the role is the one that was associated")


def _newer(role: Role, association: Association) -> bool:
    changed = association.modified_at or association.created_at
    return role.created_at is not None and changed is not None and role.created_at > changed + APART
