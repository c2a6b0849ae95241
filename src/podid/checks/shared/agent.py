"""Link 6: a healthy Pod Identity agent on the very node of the pod.

What the agent is: https://github.com/aws/eks-pod-identity-agent (charts/) and
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html.
"""

from podid.checks.base import Check
from podid.checks.shared import alone
from podid.domain.findings import Outcome
from podid.domain.snapshot import Snapshot


def fails(check: Check, snapshot: Snapshot) -> bool:
    return any(verdict.outcome is Outcome.FAIL for verdict in alone.judge(check, snapshot))
