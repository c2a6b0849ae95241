from checks.builder import DENIED, healthy, node, pod
from checks.grid import WORKLOAD, answers, only
from podid.domain.workloads import SKIP_POD

ID = "windows-pod"
FAILS = healthy(nodes=(node(os="windows"),))
UNKNOWN = healthy(nodes=DENIED)
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


def test_windows_nodes() -> None:
    assert answers(ID, healthy()) == [("pass", "error", WORKLOAD)]
    assert answers(ID, healthy(nodes=(node(os="windows"),))) == [("fail", "error", WORKLOAD)]
    assert answers(ID, healthy(nodes=DENIED)) == [("unknown", "error", "Cluster prod")]


def test_pods_that_opted_out_do_not_use_the_agent() -> None:
    excluded = pod(labels={**pod().labels, SKIP_POD: "true"})
    snapshot = healthy(nodes=(node(os="windows"),), pods=(excluded,))
    assert answers(ID, snapshot) == [("not-applicable", "error", WORKLOAD)]
    both = healthy(nodes=(node(os="windows"),), pods=(excluded, pod("orders-5d9c-x2")))
    assert only(ID, both).pods == ("shop/orders-5d9c-x2",)
