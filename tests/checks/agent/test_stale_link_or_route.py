from checks.builder import DENIED, healthy, logged
from checks.grid import answers, messages

ID = "stale-link-or-route"
FAILS = logged(ID)
UNKNOWN = healthy(agent_pods=DENIED)


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [
        ("fail", "error", "Node node-1"),
        ("pass", "error", "Pod kube-system/eks-pod-identity-agent-node-1"),
    ]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Cluster prod")]
    assert messages(ID, FAILS) == [
        "occurred 3 times in the log of the agent on node node-1, last 2026-11-24 11:59:00 UTC, for shop/orders"
    ]
