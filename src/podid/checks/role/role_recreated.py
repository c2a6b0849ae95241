"""A role of the same name is another role to IAM: what named the old one holds its unique id now, and lets nobody in.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids.
"""

from collections.abc import Iterable
from datetime import timedelta

from podid.checks.base import Check
from podid.checks.shared import second_hop, trust
from podid.checks.shared.facts import chain_of, role_subject
from podid.checks.shared.roles import by_role, role_section
from podid.domain.aws import Association, Role
from podid.domain.findings import Severity, Verdict
from podid.domain.snapshot import Missing, Snapshot
from podid.domain.text import utc

# the clocks of EKS and of IAM need not agree to the second
APART = timedelta(minutes=1)


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    yield from _of_associations(check, snapshot)
    yield from second_hop.per_role(
        check,
        snapshot,
        lambda hop: second_hop.of_trust(check, hop),
        subject=second_hop.target_subject,
        healthy="the target role's trust names nobody who is gone",
    )


CHECK = Check.of("role-recreated", rule, needs=(*second_hop.NEEDS, "roles", "target_roles"), wants=("pods",))


def _of_associations(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    judged = {role.arn: role for role in trust.judged(snapshot)}
    for arn, associations in by_role(snapshot).items():
        case, section = check.case(role_subject(arn), chain_of(associations)), role_section(snapshot, arn)
        if isinstance(section, Missing):
            yield case.unknown(section)
            continue
        if section.value is None:
            yield case.skip("the role does not exist")
            continue
        named = [f for answer in judged[arn].answers for f in answer.findings if f.id == check.id]
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
