"""EKS Auth accepts only tokens with the audience pods.eks.amazonaws.com:
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html.
"""

from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared import sdk
from podid.facts.credentials import wrong_audience


@rule(needs=sdk.NEEDS, wants=sdk.WANTS)
def token_audience(check: Check, snapshot: Snapshot) -> Verdicts:
    healthy = "every known token for the agent has the correct audience"
    return sdk.per_workload(check, snapshot, lambda pod, container: wrong_audience(container), healthy)
