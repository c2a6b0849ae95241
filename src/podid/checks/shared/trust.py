"""Link 9, second half: what the trust policy of each role says to each service account that is associated with it.

What EKS presents to STS: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html; how it is judged:
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
# the check that speaks for an evaluation that came to no answer
UNDECIDED = "trust-condition-never-matches"
# another statement would be wider than the one that is there: session tags are to be turned on
TAGS_OFF = "trust-request-tag-with-tags-disabled"


def check(id: str) -> Check:
    return Check.of(id, _per_role, needs=NEEDS, wants=WANTS)


def _per_role(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Per role: one failing verdict for each different message under the check's id, and one for the associations that
    are free of it."""
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
        answers = grouped((_said(check, answer), answer.association) for answer in role.answers)
        for said, members in answers.items():
            case = check.case(subject, chain_of(members))
            if isinstance(said, TrustFinding):
                yield _broken(case, snapshot, role.arn, said, members)
            elif said:
                words = f"undecided: {said}"
                yield case.unknown(Missing(said), words) if check.id == UNDECIDED else case.skip(words)
            else:
                yield case.ok(check.title)


def _said(check: Check, answer: TrustAnswer) -> TrustFinding | str:
    """What the answer says under the check's id, or why it came to no answer; empty where it is free of it."""
    finding = next((f for f in answer.findings if f.id == check.id), None)
    if finding is not None or answer.evaluation.verdict is not TrustVerdict.UNKNOWN:
        return finding or ""
    actions = (answer.evaluation.assume_role, answer.evaluation.tag_session)
    return next(f"{a.action}: {a.reason}" for a in actions if a.verdict is TrustVerdict.UNKNOWN)


def _broken(
    case: Case, snapshot: Snapshot, arn: str, finding: TrustFinding, associations: list[Association]
) -> Verdict:
    if finding.shuts_out and not finding.denied:
        commands = tuple(
            podid_command(snapshot, "associate", str(a.ref), "--role", arn, "--update-trust") for a in associations[:3]
        )
    elif finding.id == TOO_BROAD and finding.severity is Severity.WARN:
        commands = (("podid", "trust", "tighten", "--role", role_name(arn)),)
    else:  # another statement would take nothing away, nor outweigh a Deny
        commands = (show_role(arn),)
    return case.fail(
        finding.message,
        severity=finding.severity,
        evidence=(f"to do: {finding.fix}", f"associations concerned: {len(associations)}"),
        commands=commands if finding.severity is not Severity.INFO and finding.id != TAGS_OFF else (),
    )
