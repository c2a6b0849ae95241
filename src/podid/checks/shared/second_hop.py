"""Link 9, for an association with a target role: verdicts on role chaining, which `podid.facts.second_hop` decides."""

from collections.abc import Callable, Iterable, Sequence

from podid.checks.base import Check, Known, Missing, Severity, Snapshot, Subject, Verdict, known
from podid.domain.grouping import grouped
from podid.domain.names import Arn
from podid.domain.trust import TrustFinding, unwritable_principals
from podid.facts.index import chain_of, podid_command, role_section, role_subject
from podid.facts.second_hop import BOUNDARY_DENIES, NOT_ALLOWED, SecondHop, target_subject
from podid.facts.second_hop import hops as all_hops

NEEDS = ("cluster", "associations")
WANTS = ("pods", "roles")
MOST_NAMED = 10

Commands = tuple[tuple[str, ...], ...]
# the answer of one check on one association: a finding, missing data, or the reason why the check does not apply; None
# for a pass
Answer = TrustFinding | Missing | str | None


def per_target_role(
    check: Check,
    snapshot: Snapshot,
    healthy: str,
    *,
    undecided: bool = False,
    commands: Callable[[Snapshot, Sequence[SecondHop], TrustFinding], Commands] = lambda snapshot, hops, finding: (),
    advice: Callable[[SecondHop], str] = lambda hop: "",
) -> Iterable[Verdict]:
    """Judge each target role by the findings on its trust policy under the check's id. With `undecided` the check
    reports a trust policy without an answer."""

    def judge(hop: SecondHop) -> Answer:
        finding = next((f for f in hop.findings if f.id == check.id), None)
        if finding is not None or hop.trust_unknown is None:
            return finding
        if undecided or hop.evaluation is None:
            return hop.trust_unknown
        return f"undecided: {hop.trust_unknown.reason}"

    yield from check.undescribed(snapshot)
    for (role, answer), hops in _answers(snapshot, lambda hop: target_subject(hop.association), judge).items():
        fix = commands(snapshot, hops, answer) if isinstance(answer, TrustFinding) else ()
        yield _verdict(check, role, answer, hops, healthy, fix, advice(hops[0]))


def per_base_role(
    check: Check,
    snapshot: Snapshot,
    healthy: str,
    *,
    undecided: bool = False,
    commands: Callable[[SecondHop, TrustFinding], Commands] = lambda hop, finding: (),
) -> Iterable[Verdict]:
    """Judge the role of each association by the simulation of its permissions, under the check's id. With `undecided`
    the check reports a simulation without an answer."""

    def judge(hop: SecondHop) -> Answer:
        finding = next((f for f in hop.findings if f.id in (NOT_ALLOWED, BOUNDARY_DENIES)), None)
        if finding is not None:
            return finding if finding.id == check.id else finding.message
        if hop.permissions_unknown is None or undecided:
            return hop.permissions_unknown
        return f"undecided: {hop.permissions_unknown.reason}"

    yield from check.undescribed(snapshot)
    for (role, answer), hops in _answers(snapshot, lambda hop: role_subject(hop.association.role_arn), judge).items():
        fix = commands(hops[0], answer) if isinstance(answer, TrustFinding) else ()
        yield _verdict(check, role, answer, hops, healthy, fix)


def _answers(
    snapshot: Snapshot, subject: Callable[[SecondHop], Subject], judge: Callable[[SecondHop], Answer]
) -> dict[tuple[Subject, Answer], list[SecondHop]]:

    def answer_of(hop: SecondHop) -> Answer:
        if role_section(snapshot, hop.association.role_arn) == Known(None):
            return "the association's role does not exist"
        return "the target role does not exist" if hop.target_missing else judge(hop)

    return grouped(((subject(hop), answer_of(hop)), hop) for hop in all_hops(snapshot))


def _verdict(
    check: Check,
    role: Subject,
    answer: Answer,
    hops: Sequence[SecondHop],
    healthy: str,
    commands: Commands,
    advice: str = "",
) -> Verdict:
    case = check.case(role, chain_of(hop.association for hop in hops))
    if isinstance(answer, TrustFinding):
        evidence = filter(None, (f"fix: {answer.fix}", advice))
        return case.fail(answer.message, *evidence, severity=answer.severity, commands=commands)
    if isinstance(answer, Missing):
        return case.unknown(answer)
    return case.ok(healthy) if answer is None else case.skip(answer)


def statement_command(snapshot: Snapshot, hops: Sequence[SecondHop], finding: TrustFinding) -> Commands:
    """Return the command that adds the statement to the target role's trust policy. None if the role is in another
    account, or if its trust policy cannot be written again or has a Deny that applies."""
    evaluation, arn = hops[0].evaluation, hops[0].target_role_arn
    if evaluation is None or finding.severity is not Severity.ERROR or finding.denied:
        return ()
    if Arn.parse(arn).account != known(snapshot.cluster).account or unwritable_principals(evaluation.policy):
        return ()
    names = (str(hop.association.ref) for hop in hops[:MOST_NAMED])
    return (podid_command(snapshot, "associate", *names, "--target-role", arn, "--update-trust"),)
