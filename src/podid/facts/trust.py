"""Link 9, second half: whether the trust policy of each role allows its associated service accounts to assume it.

The request of EKS to STS: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html; its evaluation:
`podid.domain.trust`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Missing, Snapshot, known
from podid.domain.workloads import live
from podid.facts.index import by_role, index, once, role_section

PODS_TRIED = 20


@dataclass(frozen=True, slots=True)
class TrustAnswer:
    """The evaluation of the trust policy for one association. `findings` are kept, because several checks use them."""

    association: Association
    evaluation: trust.Evaluation
    findings: tuple[trust.TrustFinding, ...]

    @property
    def error(self) -> str:
        """Return the id of the finding because of which the association does not work; empty if there is none."""
        return next((finding.id for finding in self.findings if finding.denies_access), "")


@dataclass(frozen=True, slots=True)
class Judged:
    """A role with its answers; with `missing` instead if its trust policy could not be read or parsed."""

    arn: str
    associations: tuple[Association, ...]
    answers: tuple[TrustAnswer, ...] = ()
    missing: Missing | None = None
    gone: bool = False


@once
def judged(snapshot: Snapshot) -> tuple[Judged, ...]:
    roles = []
    for arn, associations in by_role(snapshot).items():
        section, members = role_section(snapshot, arn), tuple(associations)
        if isinstance(section, Missing):
            roles.append(Judged(arn, members, missing=section))
        elif section.value is None:
            roles.append(Judged(arn, members, gone=True))
        else:
            roles.append(_judge(snapshot, arn, members, section.value))
    return tuple(roles)


def _judge(snapshot: Snapshot, arn: str, associations: tuple[Association, ...], role: Role) -> Judged:
    try:
        policy = trust.parse_policy(role.trust)
    except trust.TrustPolicyError as error:
        return Judged(arn, associations, missing=Missing(f"the trust policy cannot be parsed: {error}"))
    answers, cluster_arn = [], known(snapshot.cluster).arn
    for association in associations:
        pods, now = live_pods(snapshot, association), snapshot.taken_at
        identity = trust.PodIdentity.of(cluster_arn, association, role_tags=role.tags, pods=pods, now=now)
        evaluation = trust.evaluate(policy, identity)
        answers.append(TrustAnswer(association, evaluation, evaluation.findings))
    return Judged(arn, associations, tuple(answers))


def first_error(snapshot: Snapshot, association: Association) -> str:
    """Return the id of the first known failure of the association's own role; empty if there is none."""
    return _first_errors(snapshot).get(association.ref, "")


@once
def _first_errors(snapshot: Snapshot) -> Mapping[ServiceAccountRef, str]:
    errors: dict[ServiceAccountRef, str] = {}
    for role in judged(snapshot):
        errors |= {a.ref: "role-not-found" for a in role.associations if role.gone}
        errors |= {answer.association.ref: answer.error for answer in role.answers}
    return errors


def live_pods(snapshot: Snapshot, association: Association) -> tuple[trust.LivePod, ...] | None:
    """Return some of the live pods of the association's service account; None if pods could not be read."""
    if isinstance(snapshot.pods, Missing):
        return None
    of_account = index(snapshot).pods.get(association.ref, ())
    return tuple(trust.LivePod(pod.name, pod.uid) for pod in of_account if live(pod))[:PODS_TRIED]
