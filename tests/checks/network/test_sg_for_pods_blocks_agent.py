import pytest

from checks.builder import NO_PODS, daemon_set, healthy, pod
from checks.grid import answers
from podid.domain.cluster import DaemonSet

from .policies import CILIUM, other

ID = "sg-for-pods-blocks-agent"
FAILS = healthy(
    pods=(pod(annotations={"vpc.amazonaws.com/pod-eni": "[]"}),), daemon_sets=(daemon_set(), other("aws-node"))
)
UNKNOWN = NO_PODS
FINDINGS = [("fail", "warn", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@pytest.mark.parametrize(
    ("cni", "outcome"),
    [
        (other("aws-node"), "fail"),
        (other("aws-node", env={"POD_SECURITY_GROUP_ENFORCING_MODE": "strict"}), "fail"),
        (other("aws-node", env={"POD_SECURITY_GROUP_ENFORCING_MODE": "standard"}), "pass"),
        # the CNI uses its default for other values
        (other("aws-node", env={"POD_SECURITY_GROUP_ENFORCING_MODE": "permissive"}), "fail"),
        (CILIUM, "pass"),
    ],
)
def test_modes_of_security_groups_for_pods(cni: DaemonSet, outcome: str) -> None:
    branch = pod(annotations={"vpc.amazonaws.com/pod-eni": "[{}]"})
    rows = answers(ID, healthy(pods=(branch,), daemon_sets=(daemon_set(), cni)))
    assert rows[0][0] == outcome
