"""Link 9, second half: what the trust policy of each role says to each service account that is associated with it.

What EKS presents to STS: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html; how it is judged:
`podid.domain.trust`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from podid.checks.base import Case, Check
from podid.checks.shared.facts import chain_of, index, podid_command, role_subject, show_role
from podid.checks.shared.once import once
from podid.checks.shared.roles import by_role, role_section, undescribed
from podid.domain.aws import Association, Role
from podid.domain.findings import Severity, Verdict
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.snapshot import Missing, Snapshot, known
from podid.domain.trust import (
    TOO_BROAD,
    Evaluation,
    LivePod,
    PodIdentity,
    TrustFinding,
    TrustPolicyError,
    TrustVerdict,
    evaluate,
    parse_policy,
)
from podid.domain.workloads import live

NEEDS = ("cluster", "associations", "roles")
WANTS = ("pods",)
PODS_TRIED = 20
# the check that speaks for an evaluation that came to no answer
UNDECIDED = "trust-condition-never-matches"
# another statement would be wider than the one that is there: session tags are to be turned on
TAGS_OFF = "trust-request-tag-with-tags-disabled"


@dataclass(frozen=True, slots=True)
class TrustAnswer:
    """What the trust says to one association; `findings` are worked out once, since several checks ask for them."""

    association: Association
    evaluation: Evaluation
    findings: tuple[TrustFinding, ...]

    @property
    def error(self) -> str:
        """The id of what keeps the association from working at all; empty when nothing does."""
        return next((finding.id for finding in self.findings if finding.shuts_out), "")


@dataclass(frozen=True, slots=True)
class Judged:
    """A role with its answers; `missing` instead of them where the role could not be read or understood."""

    arn: str
    associations: tuple[Association, ...]
    answers: tuple[TrustAnswer, ...] = ()
    missing: Missing | None = None
    gone: bool = False


@once
def judged(snapshot: Snapshot) -> tuple[Judged, ...]:
    found = []
    for arn, associations in by_role(snapshot).items():
        section, members = role_section(snapshot, arn), tuple(associations)
        if isinstance(section, Missing):
            found.append(Judged(arn, members, missing=section))
        elif section.value is None:
            found.append(Judged(arn, members, gone=True))
        else:
            found.append(_judge(snapshot, arn, members, section.value))
    return tuple(found)


def _judge(snapshot: Snapshot, arn: str, associations: tuple[Association, ...], role: Role) -> Judged:
    try:
        policy = parse_policy(role.trust)
    except TrustPolicyError as error:
        return Judged(arn, associations, missing=Missing(f"the trust policy cannot be read: {error}"))
    answers = []
    for association in associations:
        evaluation = evaluate(policy, _identity(snapshot, association, role))
        answers.append(TrustAnswer(association, evaluation, evaluation.findings))
    return Judged(arn, associations, tuple(answers))


def first_error(snapshot: Snapshot, association: Association) -> str:
    """The id of what keeps the association's own role from working, empty when nothing is known to."""
    return _first_errors(snapshot).get(association.ref, "")


@once
def _first_errors(snapshot: Snapshot) -> Mapping[ServiceAccountRef, str]:
    errors: dict[ServiceAccountRef, str] = {}
    for role in judged(snapshot):
        errors |= {a.ref: "role-not-found" for a in role.associations if role.gone}
        errors |= {answer.association.ref: answer.error for answer in role.answers}
    return errors


def live_pods(snapshot: Snapshot, association: Association) -> tuple[LivePod, ...] | None:
    """Some of those that run as the association's service account; None when pods could not be read."""
    if isinstance(snapshot.pods, Missing):
        return None
    of_account = index(snapshot).pods.get(association.ref, ())
    return tuple(LivePod(pod.name, pod.uid) for pod in of_account if live(pod))[:PODS_TRIED]


def _identity(snapshot: Snapshot, association: Association, role: Role) -> PodIdentity:
    return PodIdentity(
        known(snapshot.cluster).arn,
        association.namespace,
        association.service_account,
        session_tags=association.session_tags,
        role_tags=role.tags,
        pods=live_pods(snapshot, association),
        now=snapshot.taken_at,
    )


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Per role: one failing verdict for each different message under the check's id, then one for the associations
    that are free of it."""
    yield from undescribed(check, snapshot)
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
