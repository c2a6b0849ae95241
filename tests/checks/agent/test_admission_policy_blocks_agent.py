"""The check admission-policy-blocks-agent."""

from checks.builder import DENIED, healthy
from checks.grid import answers, messages
from podid.domain.snapshot import Known

VIOLATES = 'Error creating: pods "a" is forbidden: violates PodSecurity "restricted:latest": host namespaces'
ID = "admission-policy-blocks-agent"
FAILS = healthy(agent_warnings={"kube-system/eks-pod-identity-agent": Known((VIOLATES,))})
UNKNOWN = healthy(agent_warnings=DENIED)


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "DaemonSet kube-system/eks-pod-identity-agent")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Cluster prod")]
    assert messages(ID, FAILS) == [
        'an admission policy rejects the agent\'s pods: Error creating: pods "a" is forbidden: violates '
        'PodSecurity "restricted:latest": host namespaces'
    ]
