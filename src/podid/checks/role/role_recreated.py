"""IAM treats a new role of the same name as a different role. Trust policies that named the old role contain its unique
id, and allow no principal.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids.
"""

import json
from collections.abc import Sequence
from datetime import timedelta

from podid.checks.base import Check, Missing, Severity, Snapshot, Verdicts, known_or, rule
from podid.checks.shared import second_hop
from podid.domain.aws import Association, Role
from podid.domain.snapshot import part
from podid.domain.text import utc
from podid.domain.trust import TrustFinding, unwritable_principals
from podid.facts.index import aws_role, role_section
from podid.facts.second_hop import SecondHop
from podid.facts.trust import judged

# the clocks of EKS and of IAM may differ by seconds
APART = timedelta(minutes=1)


@rule(needs=(*second_hop.NEEDS, "roles", "target_roles"), wants=("pods",))
def role_recreated(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from _of_associations(check, snapshot)
    healthy = "the target role's trust policy names no deleted principal"
    yield from second_hop.per_target_role(check, snapshot, healthy, commands=_replacement)


def _replacement(snapshot: Snapshot, hops: Sequence[SecondHop], finding: TrustFinding) -> second_hop.Commands:
    """Return the command that replaces the unique id with the ARN of the association's role; none if pods get
    credentials nevertheless, or if the trust policy named several roles."""
    evaluation, target = hops[0].evaluation, hops[0].target_role_arn
    role = known_or(part(snapshot.target_roles, target), None)
    gone = unwritable_principals(evaluation.policy) if evaluation is not None else ()
    base = {hop.association.role_arn for hop in hops}
    if finding.severity is not Severity.ERROR or role is None or len(gone) != 1 or len(base) != 1:
        return ()
    document = json.dumps(role.trust).replace(json.dumps(*gone), json.dumps(*base))
    return (("aws", "iam", "update-assume-role-policy", *aws_role(target), "--policy-document", document),)


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
