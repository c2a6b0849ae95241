from checks.builder import DENIED, healthy
from checks.grid import answers
from podid.domain.snapshot import Known

VIOLATES = 'Error creating: pods "a" is forbidden: violates PodSecurity "restricted:latest": host namespaces'
ID = "admission-policy-blocks-agent"
FAILS = healthy(agent_warnings={"kube-system/eks-pod-identity-agent": Known((VIOLATES,))})
UNKNOWN = healthy(agent_warnings=DENIED)
FINDINGS = [("fail", "error", "DaemonSet kube-system/eks-pod-identity-agent")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
MESSAGES = [
    'an admission policy rejects the agent\'s pods: Error creating: pods "a" is forbidden: violates '
    'PodSecurity "restricted:latest": host namespaces'
]


def test_a_missing_service_account_is_no_policy() -> None:
    line = 'Error creating: pods "a" is forbidden: error looking up service account kube-system/agent: not found'
    snapshot = healthy(agent_warnings={"kube-system/eks-pod-identity-agent": Known((line,))})
    assert [answer[0] for answer in answers(ID, snapshot)] == ["pass"]
