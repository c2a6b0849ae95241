"""The check windows-pod."""

from checks.builder import DENIED, healthy, node
from checks.grid import WORKLOAD, answers

ID = "windows-pod"
FAILS = healthy(nodes=(node(os="windows"),))
UNKNOWN = healthy(nodes=DENIED)


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Deployment shop/orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Cluster prod")]


def test_windows_nodes() -> None:
    assert answers(ID, healthy()) == [("pass", "error", WORKLOAD)]
    assert answers(ID, healthy(nodes=(node(os="windows"),))) == [("fail", "error", WORKLOAD)]
    assert answers(ID, healthy(nodes=DENIED)) == [("unknown", "error", "Cluster prod")]
