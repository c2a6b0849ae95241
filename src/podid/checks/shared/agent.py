"""Link 6: a healthy Pod Identity agent on the very node of the pod.

What the agent is: https://github.com/aws/eks-pod-identity-agent (charts/) and
https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html.
"""

from datetime import timedelta

from podid.domain.findings import Severity
from podid.domain.model import DaemonSet
from podid.domain.snapshot import Known, Snapshot, known_or
from podid.domain.workloads import is_agent

START_GRACE = timedelta(minutes=2)


def importance(snapshot: Snapshot) -> Severity:
    """Without any association nobody misses the agent."""
    associations = snapshot.associations
    return Severity.INFO if isinstance(associations, Known) and not associations.value else Severity.ERROR


def agents(snapshot: Snapshot) -> list[DaemonSet]:
    return [ds for ds in known_or(snapshot.daemon_sets, ()) if is_agent(ds)]
