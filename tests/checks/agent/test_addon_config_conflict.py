"""The check addon-config-conflict."""

from checks.builder import DENIED, daemon_set, healthy
from checks.grid import answers, messages

ID = "addon-config-conflict"
FAILS = healthy(daemon_sets=(daemon_set(), daemon_set(namespace="agent")))
UNKNOWN = healthy(nodes=DENIED)


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Cluster prod")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Cluster prod")]
    assert messages(ID, FAILS) == [
        "DaemonSets kube-system/eks-pod-identity-agent, agent/eks-pod-identity-agent run agents on the "
        "same nodes: both need port 80 there, and only one can use it"
    ]
