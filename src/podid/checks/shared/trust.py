"""Link 9, second half: whether the trust policy of each role allows its associated service accounts to assume it.

The request of EKS to STS: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html; its evaluation:
`podid.domain.trust`.
"""

from collections.abc import Iterable

from podid.checks.base import Case, Check, Missing, Severity, Snapshot, Verdict
from podid.domain.aws import Association
from podid.domain.grouping import grouped
from podid.domain.names import role_name
from podid.domain.trust import (
    TOO_BROAD,
    TrustFinding,
    TrustVerdict,
)
from podid.facts.index import chain_of, podid_command, role_subject, show_role
from podid.facts.trust import TrustAnswer, judged

NEEDS = ("cluster", "associations", "roles")
WANTS = ("pods",)
# the check that reports an evaluation without an answer
UNDECIDED = "trust-condition-never-matches"
# another statement would allow more than the present one: the fix is to turn session tags on
TAGS_OFF = "trust-request-tag-with-tags-disabled"


def check(id: str) -> Check:
    return Check.of(id, _per_role, needs=NEEDS, wants=WANTS)


def _per_role(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Yield for each role one failing verdict per different finding under the check's id, and one for the other
    associations."""
    yield from check.undescribed(snapshot)
    for role in judged(snapshot):
        subject = role_subject(role.arn)
        whole = check.case(subject, chain_of(role.associations))
        if role.missing is not None:
            yield whole.unknown(role.missing)
            continue
        if role.gone:
            yield whole.skip("the role does not exist")
            continue
        answers = grouped((_outcome(check, answer), answer.association) for answer in role.answers)
        for reason, members in answers.items():
            case = check.case(subject, chain_of(members))
            if isinstance(reason, TrustFinding):
                yield _broken(case, snapshot, role.arn, reason, members)
            elif reason:
                words = f"undecided: {reason}"
                yield case.unknown(Missing(reason), words) if check.id == UNDECIDED else case.skip(words)
            else:
                yield case.ok(check.title)


def _outcome(check: Check, answer: TrustAnswer) -> TrustFinding | str:
    """Return the finding under the check's id, or the reason why there is no answer; empty for a pass."""
    finding = next((f for f in answer.findings if f.id == check.id), None)
    if finding is not None or answer.evaluation.verdict is not TrustVerdict.UNKNOWN:
        return finding or ""
    return next(f"{a.action}: {a.reason}" for a in answer.evaluation.actions if a.verdict is TrustVerdict.UNKNOWN)


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
        severity=finding.severity,
        evidence=(f"fix: {finding.fix}", f"affected associations: {len(associations)}"),
        commands=commands if finding.severity is not Severity.INFO and finding.id != TAGS_OFF else (),
    )
