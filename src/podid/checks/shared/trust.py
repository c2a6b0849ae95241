"""Link 9, second half: what the trust policy of each role says to each service account that is associated with it.

What EKS presents to STS: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html; how it is judged:
`podid.domain.trust`.
"""

from collections import defaultdict
from collections.abc import Iterable

from podid.checks.base import Case, Check
from podid.domain.aws import Association
from podid.domain.findings import Severity, Verdict
from podid.domain.names import role_name
from podid.domain.snapshot import Missing, Snapshot
from podid.domain.trust import (
    TOO_BROAD,
    Evaluation,
    TrustFinding,
    TrustVerdict,
)
from podid.facts.index import chain_of, podid_command, role_subject, show_role
from podid.facts.trust import judged

NEEDS = ("cluster", "associations", "roles")
WANTS = ("pods",)
# the check that speaks for an evaluation that came to no answer
UNDECIDED = "trust-condition-never-matches"
# another statement would be wider than the one that is there: session tags are to be turned on
TAGS_OFF = "trust-request-tag-with-tags-disabled"


def check(id: str) -> Check:
    return Check.of(id, _per_role, needs=NEEDS, wants=WANTS)


def _per_role(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Per role: one failing verdict for each different message under the check's id, then one for the associations
    that are free of it."""
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
        broken: dict[TrustFinding, list[Association]] = defaultdict(list)
        open_answers: dict[str, list[Association]] = defaultdict(list)
        free: list[Association] = []
        for answer in role.answers:
            finding = next((f for f in answer.findings if f.id == check.id), None)
            if finding is not None:
                broken[finding].append(answer.association)
            elif answer.evaluation.verdict is TrustVerdict.UNKNOWN:
                open_answers[_why(answer.evaluation)].append(answer.association)
            else:
                free.append(answer.association)
        for finding, members in broken.items():
            yield _broken(check.case(subject, chain_of(members)), snapshot, role.arn, finding, members)
        for reason, members in open_answers.items():
            case, words = check.case(subject, chain_of(members)), f"undecided: {reason}"
            yield case.unknown(Missing(reason), words) if check.id == UNDECIDED else case.skip(words)
        if free:
            yield check.case(subject, chain_of(free)).ok(check.title)


def _why(evaluation: Evaluation) -> str:
    actions = (evaluation.assume_role, evaluation.tag_session)
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
