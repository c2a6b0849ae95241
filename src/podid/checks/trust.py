"""Link 9, second half: the role's trust policy lets EKS in for each service account that is associated with it.

What EKS presents to STS: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html; how it is judged:
`podid.domain.trust`.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from podid.checks.base import Check, check
from podid.checks.facts import index, podid_command
from podid.checks.roles import by_role, chain_of, role_subject, section_of, unreadable
from podid.domain.findings import FixClass, Severity, Verdict
from podid.domain.model import Association, Role
from podid.domain.names import role_name
from podid.domain.snapshot import Missing, Snapshot, known
from podid.domain.trust import (
    ActionVerdict,
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
PODS_TRIED = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What the trust says to one association; `findings` are worked out once, since several checks ask for them."""

    association: Association
    evaluation: Evaluation
    findings: tuple[TrustFinding, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A role with its answers; `missing` instead of them where the role could not be read or understood."""

    arn: str
    associations: tuple[Association, ...]
    answers: tuple[Answer, ...] = ()
    missing: Missing | None = None
    gone: bool = False


@lru_cache(maxsize=1)
def judged(snapshot: Snapshot) -> tuple[Judged, ...]:
    found = []
    for arn, associations in by_role(snapshot).items():
        section, members = section_of(snapshot, arn), tuple(associations)
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
        answers.append(Answer(association, evaluation, evaluation.findings))
    return Judged(arn, associations, tuple(answers))


def _identity(snapshot: Snapshot, association: Association, role: Role) -> PodIdentity:
    pods = None
    if not isinstance(snapshot.pods, Missing):
        of_account = index(snapshot).pods.get(association.ref, ())
        pods = tuple(LivePod(pod.name, pod.uid) for pod in of_account if live(pod))[:PODS_TRIED]
    return PodIdentity(
        known(snapshot.cluster).arn,
        association.namespace,
        association.service_account,
        session_tags=association.session_tags,
        role_tags=role.tags,
        pods=pods,
        now=snapshot.taken_at,
    )


def _verdicts(rule: Check, snapshot: Snapshot, healthy: str, *, undecided: bool = False) -> Iterable[Verdict]:
    """Per role: one failing verdict for each different message under the rule's id, then one for the associations that
    are free of it. With `undecided` the rule speaks for an evaluation that came to no answer."""
    for role in judged(snapshot):
        subject = role_subject(role.arn)
        if role.missing is not None:
            yield unreadable(rule, role.arn, role.missing, role.associations)
            continue
        if role.gone:
            yield rule.skip(subject, "the role does not exist", chain=chain_of(role.associations))
            continue
        broken: dict[tuple[TrustFinding, str], list[Association]] = defaultdict(list)
        open_answers: dict[str, list[Association]] = defaultdict(list)
        free: list[Association] = []
        for answer in role.answers:
            finding = next((f for f in answer.findings if f.id == rule.id), None)
            if finding is not None:
                broken[finding, _worse(answer, finding)].append(answer.association)
            elif answer.evaluation.verdict is TrustVerdict.UNKNOWN:
                open_answers[_why(answer.evaluation)].append(answer.association)
            else:
                free.append(answer.association)
        for (finding, cause), members in broken.items():
            yield _finding(rule, snapshot, role.arn, finding, members, cause)
        for reason, members in open_answers.items():
            if undecided:
                missing = Missing(reason)
                yield rule.unknown(subject, missing, chain=chain_of(members), message=f"undecided: {reason}")
            else:
                yield rule.skip(subject, f"undecided: {reason}", chain=chain_of(members))
        if free:
            yield rule.ok(subject, healthy, chain=chain_of(free))


def _worse(answer: Answer, finding: TrustFinding) -> str:
    """The id of the error that keeps the association from working at all; a warning about the trust waits for it."""
    errors = [f.id for f in answer.findings if f.severity == "error"]
    return "" if finding.severity == "error" or not errors else errors[0]


def _why(evaluation: Evaluation) -> str:
    actions: tuple[ActionVerdict, ...] = (evaluation.assume_role, evaluation.tag_session)
    return next(f"{a.action}: {a.reason}" for a in actions if a.verdict is TrustVerdict.UNKNOWN)


def _finding(
    rule: Check, snapshot: Snapshot, arn: str, finding: TrustFinding, associations: list[Association], cause: str
) -> Verdict:
    if finding.severity == "error":
        commands = tuple(
            podid_command(snapshot, "associate", str(a.ref), "--role", arn, "--update-trust") for a in associations[:3]
        )
    else:  # they get in: another statement would take nothing away
        commands = (("podid", "role", "show", role_name(arn)),)
    return rule.fail(
        role_subject(arn),
        finding.message,
        chain=chain_of(associations),
        severity=Severity(finding.severity),
        evidence=(f"to do: {finding.fix}", f"associations concerned: {len(associations)}"),
        commands=commands if finding.severity != "info" and rule.fix is not FixClass.PRINT else (),
        masked_by=cause,
    )


@check(
    id="trust-wrong-principal",
    severity=Severity.ERROR,
    link=9,
    title="the role's trust names pods.eks.amazonaws.com",
    needs=NEEDS,
    wants=("pods",),
    fix=FixClass.ASK,
)
def trust_wrong_principal(snapshot: Snapshot) -> Iterable[Verdict]:
    return _verdicts(trust_wrong_principal, snapshot, "the trust names EKS Pod Identity's principal")


@check(
    id="trust-missing-tag-session",
    severity=Severity.ERROR,
    link=9,
    title="the role's trust allows sts:AssumeRole and sts:TagSession",
    needs=NEEDS,
    wants=("pods",),
    fix=FixClass.ASK,
)
def trust_missing_tag_session(snapshot: Snapshot) -> Iterable[Verdict]:
    return _verdicts(trust_missing_tag_session, snapshot, "the trust names both actions")


@check(
    id="trust-request-tag-with-tags-disabled",
    severity=Severity.ERROR,
    link=9,
    title="no trust asks for session tags that an association has turned off",
    needs=NEEDS,
    wants=("pods",),
    fix=FixClass.PRINT,
)
def trust_request_tag_with_tags_disabled(snapshot: Snapshot) -> Iterable[Verdict]:
    return _verdicts(trust_request_tag_with_tags_disabled, snapshot, "the trust asks for no tag that is not sent")


@check(
    id="trust-condition-never-matches",
    severity=Severity.ERROR,
    link=9,
    title="the conditions of the role's trust match the association",
    needs=NEEDS,
    wants=("pods",),
    fix=FixClass.ASK,
)
def trust_condition_never_matches(snapshot: Snapshot) -> Iterable[Verdict]:
    return _verdicts(trust_condition_never_matches, snapshot, "the trust's conditions match", undecided=True)


@check(
    id="trust-too-broad",
    severity=Severity.WARN,
    link=9,
    title="the role's trust is narrowed to an account, a cluster or service accounts",
    needs=NEEDS,
    wants=("pods",),
    fix=FixClass.ASK,
)
def trust_too_broad(snapshot: Snapshot) -> Iterable[Verdict]:
    return _verdicts(trust_too_broad, snapshot, "the trust is narrowed")
