"""Link 9, where an association has a target role: how its role gets there. What decides it is in
`podid.facts.second_hop`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from podid.checks.base import Check
from podid.domain.aws import Association
from podid.domain.findings import Severity, Subject, Verdict
from podid.domain.grouping import grouped
from podid.domain.names import Arn
from podid.domain.snapshot import Missing, Snapshot, known
from podid.domain.trust import TrustFinding, unwritable_principals
from podid.facts.index import chain_of, podid_command
from podid.facts.second_hop import BOUNDARY_DENIES, NOT_ALLOWED, SecondHop, base_gone, hops

NEEDS = ("cluster", "associations")
WANTS = ("pods", "roles")
MOST_NAMED = 10
BASE_GONE, TARGET_GONE = "the association's role does not exist", "the target role does not exist"


@dataclass(frozen=True, slots=True)
class HopAnswer:
    """What one check says of one hop: a finding, or that it could not look, or why there is nothing to say; else the
    hop is free of what the check looks for."""

    finding: TrustFinding | None = None
    missing: Missing | None = None
    skip: str = ""


def of_trust(check: Check, hop: SecondHop, *, undecided: bool = False) -> HopAnswer:
    """What the target role's trust says under the check's id. With `undecided` the check speaks for a trust that came
    to no answer."""
    if hop.target_missing:
        return HopAnswer(skip=TARGET_GONE)
    finding = next((f for f in hop.findings if f.id == check.id), None)
    if finding is not None:
        return HopAnswer(finding)
    if hop.trust_unknown is None:
        return HopAnswer()
    if undecided or hop.evaluation is None:
        return HopAnswer(missing=hop.trust_unknown)
    return HopAnswer(skip=f"undecided: {hop.trust_unknown.reason}")


def of_rights(check: Check, hop: SecondHop, *, undecided: bool = False) -> HopAnswer:
    """What the simulator says of the role's rights under the check's id. With `undecided` the check speaks for an
    answer that could not be had."""
    if hop.target_missing:
        return HopAnswer(skip=TARGET_GONE)
    finding = next((f for f in hop.findings if f.id in (NOT_ALLOWED, BOUNDARY_DENIES)), None)
    if finding is not None:
        return HopAnswer(finding) if finding.id == check.id else HopAnswer(skip=finding.message)
    if hop.rights_unknown is None:
        return HopAnswer()
    return (
        HopAnswer(missing=hop.rights_unknown)
        if undecided
        else HopAnswer(skip=f"undecided: {hop.rights_unknown.reason}")
    )


def opening(snapshot: Snapshot) -> Callable[[Sequence[SecondHop], TrustFinding], Iterable[tuple[str, ...]]]:
    """What has podid add the statement to the target role's trust: where that is in the cluster's account, can be
    written again, and has no Deny that outweighs it."""

    def commands(members: Sequence[SecondHop], finding: TrustFinding) -> Iterable[tuple[str, ...]]:
        evaluation, arn = members[0].evaluation, members[0].target_role_arn
        if evaluation is None or finding.severity is not Severity.ERROR or finding.denied:
            return ()
        if Arn.parse(arn).account != known(snapshot.cluster).account or unwritable_principals(evaluation.policy):
            return ()
        names = (str(hop.association.ref) for hop in members[:MOST_NAMED])
        return (podid_command(snapshot, "associate", *names, "--target-role", arn, "--update-trust"),)

    return commands


def per_role(
    check: Check,
    snapshot: Snapshot,
    judge: Callable[[SecondHop], HopAnswer],
    *,
    subject: Callable[[Association], Subject],
    healthy: str,
    commands: Callable[[Sequence[SecondHop], TrustFinding], Iterable[tuple[str, ...]]] = lambda hops, finding: (),
    advice: Callable[[SecondHop], str] = lambda hop: "",
) -> Iterable[Verdict]:
    """One verdict for each role and each different answer about it."""
    yield from check.undescribed(snapshot)

    def answer_of(hop: SecondHop) -> HopAnswer:
        return HopAnswer(skip=BASE_GONE) if base_gone(snapshot, hop) else judge(hop)

    answers = grouped(((subject(hop.association), answer_of(hop)), hop) for hop in hops(snapshot))
    for (role, answer), members in answers.items():
        case = check.case(role, chain_of(hop.association for hop in members))
        if answer.finding is not None:
            finding = answer.finding
            words = tuple(word for word in (f"to do: {finding.fix}", advice(members[0])) if word)
            yield case.fail(
                finding.message,
                severity=finding.severity,
                evidence=(*words, f"associations concerned: {len(members)}"),
                commands=commands(members, finding),
            )
        elif answer.missing is not None:
            yield case.unknown(answer.missing)
        else:
            yield case.skip(answer.skip) if answer.skip else case.ok(healthy)
