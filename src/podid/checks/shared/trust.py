"""Link 9, second half: verdicts on the trust policies of roles, which `podid.facts.trust` evaluates."""

from collections.abc import Iterable, Iterator

from podid.checks.base import Case, Check, Missing, Severity, Snapshot, Verdict
from podid.checks.shared.roles import per_role
from podid.domain.aws import Association
from podid.domain.grouping import grouped
from podid.domain.names import role_name
from podid.domain.trust import TOO_BROAD, TrustFinding
from podid.facts.index import podid_command, show_role
from podid.facts.trust import TrustAnswer, judged

NEEDS = ("cluster", "associations", "roles")
WANTS = ("pods",)
# the check that reports an evaluation without an answer
UNDECIDED = "trust-condition-never-matches"
# another statement would allow more than the present one: the fix is to turn session tags on
TAGS_OFF = "trust-request-tag-with-tags-disabled"


def of_trust_policy(id: str) -> Check:
    """Return the check of a failure mode of the roles' trust policies."""
    return Check.of(id, _per_role, needs=NEEDS, wants=WANTS)


def _per_role(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Yield for each role one failing verdict per different finding under the check's id, and one for the other
    associations."""

    def judge(_: Case, answers: tuple[TrustAnswer, ...], associations: list[Association]) -> Iterator[Verdict]:
        arn = associations[0].role_arn
        for reason, members in grouped((_outcome(check, answer), answer.association) for answer in answers).items():
            case = check.of_role(arn, members)
            if isinstance(reason, TrustFinding):
                yield _broken(case, snapshot, arn, reason, members)
            elif reason:
                words = f"undecided: {reason}"
                yield case.unknown(Missing(reason), words) if check.id == UNDECIDED else case.skip(words)
            else:
                yield case.ok(check.title)

    return per_role(check, snapshot, judged(snapshot).__getitem__, judge)


def _outcome(check: Check, answer: TrustAnswer) -> TrustFinding | str:
    """Return the finding under the check's id, or the reason why there is no answer; empty for a pass."""
    finding = next((f for f in answer.findings if f.id == check.id), None)
    return finding or answer.evaluation.doubt


def _broken(
    case: Case, snapshot: Snapshot, arn: str, finding: TrustFinding, associations: list[Association]
) -> Verdict:
    if finding.denies_access and not finding.denied:
        commands = tuple(
            podid_command(snapshot, "associate", str(a.ref), "--role", arn, "--update-trust") for a in associations[:3]
        )
    elif finding.id == TOO_BROAD and finding.severity is Severity.WARN:
        commands = (("podid", "trust", "tighten", "--role", role_name(arn)),)
    else:  # another statement would neither remove a permission nor override a Deny
        commands = (show_role(arn),)
    return case.fail(
        finding.message,
        f"fix: {finding.fix}",
        severity=finding.severity,
        commands=commands if finding.severity is not Severity.INFO and finding.id != TAGS_OFF else (),
    )
