"""The two hops of an association, as IAM has them: what its roles' policies say, and which of them is to blame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.domain.findings import Severity
from podid.domain.names import role_name
from podid.domain.proof import Hop
from podid.domain.snapshot import Missing
from podid.domain.trust import TrustFinding, TrustVerdict

if TYPE_CHECKING:
    from podid.ops.association.read import AssociationReading


def hops(reading: AssociationReading) -> tuple[Hop, ...]:
    """EKS becomes the association's role; that role goes on to the target role, where there is one."""
    second = reading.second_hop
    if second is None:
        return (_first(reading),)
    onward = Hop(
        number=2,
        role_arn=second.target_role_arn,
        verdict=second.verdict,
        findings=second.findings,
        unknowns=second.unknowns,
    )
    return (_first(reading), onward)


def _first(reading: AssociationReading) -> Hop:
    arn, evaluation = reading.association.role_arn, reading.evaluation
    if evaluation is not None:
        unclear = [a for a in (evaluation.assume_role, evaluation.tag_session) if a.verdict is TrustVerdict.UNKNOWN]
        unknowns = tuple(Missing(f"{action.action}: {action.reason}") for action in unclear)
        return Hop(number=1, role_arn=arn, verdict=evaluation.verdict, findings=evaluation.findings, unknowns=unknowns)
    if reading.role_missing:
        fix = "create the role, or point the association at one that exists (--role, --replace)"
        gone = TrustFinding("role-not-found", Severity.ERROR, reading.not_evaluated, fix)
        return Hop(number=1, role_arn=arn, verdict=TrustVerdict.NO_MATCH, findings=(gone,))
    lacking = Missing(reading.not_evaluated, reading.permission)
    return Hop(number=1, role_arn=arn, verdict=TrustVerdict.UNKNOWN, unknowns=(lacking,))


def blame(reading: AssociationReading) -> TrustFinding | None:
    """Why EKS may not become the role, as IAM has it now: the first hop, then the one to a target role. None where
    that does not tell."""
    return next((hop.error for hop in hops(reading) if hop.error is not None), None)


def blame_words(finding: TrustFinding, reading: AssociationReading) -> str:
    """The finding's sentence, with the role whose trust it is about where it does not name it."""
    association, second = reading.association, reading.second_hop
    of_target = second is not None and second.evaluation is not None and finding in second.evaluation.findings
    arn = (association.target_role_arn if of_target else association.role_arn) or ""
    role = f"target role {arn}" if of_target else f"role {role_name(arn)}"
    return finding.message if role_name(arn) in finding.message and not of_target else f"{role}: {finding.message}"


def not_to_blame(reading: AssociationReading) -> str:
    """What is known of the two hops where neither is seen to be broken, to be added to a sentence."""
    first, second = hops(reading)[0], reading.second_hop
    words = []
    if first.verdict is TrustVerdict.MATCH:
        words.append("its own trust policy admits it")
    elif first.unknowns:
        words.append(f"the role's trust policy could not be judged: {first.unknowns[0].reason}")
    if second is not None and second.unknowns:
        lacking = second.unknowns[0]
        words.append(f"whether it may assume its target role could not be looked at: {lacking.reason}")
    return "".join(f"; {word}" for word in words)
