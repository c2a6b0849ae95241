"""Link 9, second half: whether the trust policy of each role allows its associated service accounts to assume it.

The request of EKS to STS: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html; its evaluation:
`podid.domain.trust`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from podid.domain import trust
from podid.domain.aws import Association
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known, known_or
from podid.domain.workloads import live
from podid.facts.index import by_role, index, once, role_section, trust_policy

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


@once
def judged(snapshot: Snapshot) -> Mapping[str, Section[tuple[TrustAnswer, ...] | None]]:
    """Return, by the ARN of the role, the answers for its associations; Known(None) for a role that does not exist."""
    return {arn: _judge(snapshot, arn, associations) for arn, associations in by_role(snapshot).items()}


def _judge(snapshot: Snapshot, arn: str, associations: list[Association]) -> Section[tuple[TrustAnswer, ...] | None]:
    role, policy = known_or(role_section(snapshot, arn), None), trust_policy(snapshot, arn)
    if isinstance(policy, Missing) or policy.value is None or role is None:
        return policy if isinstance(policy, Missing) else Known(None)
    answers, cluster_arn = [], known(snapshot.cluster).arn
    for association in associations:
        pods, now = live_pods(snapshot, association), snapshot.taken_at
        identity = trust.PodIdentity.of(cluster_arn, association, role_tags=role.tags, pods=pods, now=now)
        evaluation = trust.evaluate(policy.value, identity)
        answers.append(TrustAnswer(association, evaluation, evaluation.findings))
    return Known(tuple(answers))


def first_error(snapshot: Snapshot, association: Association) -> str:
    """Return the id of the first known failure of the association's own role; empty if there is none."""
    return _first_errors(snapshot).get(association.ref, "")


@once
def _first_errors(snapshot: Snapshot) -> Mapping[ServiceAccountRef, str]:
    errors: dict[ServiceAccountRef, str] = {}
    for arn, associations in by_role(snapshot).items():
        answers = judged(snapshot)[arn]
        if answers == Known(None):
            errors |= {association.ref: "role-not-found" for association in associations}
        errors |= {answer.association.ref: answer.error for answer in known_or(answers, None) or ()}
    return errors


def live_pods(snapshot: Snapshot, association: Association) -> tuple[trust.LivePod, ...] | None:
    """Return some of the live pods of the association's service account; None if pods could not be read."""
    if isinstance(snapshot.pods, Missing):
        return None
    of_account = index(snapshot).pods.get(association.ref, ())
    return tuple(trust.LivePod(pod.name, pod.uid) for pod in of_account if live(pod))[:PODS_TRIED]
