from checks.builder import NO_LOG, logged
from checks.grid import answers, messages

ID = "agent-timeout-context-canceled"
FAILS = logged(ID)
UNKNOWN = NO_LOG


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "warn", "Node node-1")]
    assert answers(ID, UNKNOWN) == [("unknown", "warn", "Pod kube-system/agent")]
    assert messages(ID, FAILS) == [
        "occurred 3 times in the log of the agent on node node-1, last 2026-11-24 11:59:00 UTC, for shop/orders"
    ]
