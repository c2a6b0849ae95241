"""EKS Auth accepts only tokens with the audience pods.eks.amazonaws.com:
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html.
"""

from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared import sdk
from podid.domain import names
from podid.domain.cluster import Container, Pod
from podid.facts import credentials


@rule(needs=sdk.NEEDS)
def token_audience(check: Check, snapshot: Snapshot) -> Verdicts:
    return sdk.per_workload(check, snapshot, _refused, "every known token for the agent has the correct audience")


def _refused(pod: Pod, container: Container) -> credentials.Own | None:
    audience = credentials.token_audience(container)
    return credentials.wrong_audience(audience) if audience not in (None, names.PODS_PRINCIPAL) else None
