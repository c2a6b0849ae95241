from dataclasses import replace

from checks.builder import DENIED, NO_PODS, healthy, node, pod
from checks.grid import WORKLOAD, answers, only, verdicts
from podid.domain.findings import Outcome
from podid.domain.workloads import SKIP_POD

ID = "fargate-pod"
FAILS = healthy(nodes=(node(compute_type="fargate"),))
UNKNOWN = NO_PODS
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


def test_fargate_nodes() -> None:
    on_fargate = healthy(pods=(replace(pod(), node="fargate-ip-10-0-0-1"),), nodes=DENIED)
    by_label = healthy(nodes=(node(compute_type="fargate"),))
    assert answers(ID, healthy()) == [("pass", "error", WORKLOAD)]
    assert answers(ID, on_fargate) == [("fail", "error", WORKLOAD)]
    assert answers(ID, by_label) == [("fail", "error", WORKLOAD)]
    assert answers(ID, healthy(pods=DENIED)) == [("unknown", "error", "Cluster prod")]


def test_pods_that_opted_out_do_not_use_the_agent() -> None:
    excluded = pod(labels={**pod().labels, SKIP_POD: "true"})
    snapshot = healthy(nodes=(node(compute_type="fargate"),), pods=(excluded,))
    assert answers(ID, snapshot) == [("not-applicable", "error", WORKLOAD)]
    both = healthy(nodes=(node(compute_type="fargate"),), pods=(excluded, pod("orders-5d9c-x2")))
    assert only(ID, both).pods == ("shop/orders-5d9c-x2",)


def test_the_fix_replaces_the_pods_which_keep_the_injected_fields() -> None:
    fix = only(ID, FAILS).fix
    assert fix is not None
    assert fix.commands == (("podid", "disassociate", "shop/orders", "--restart", "--cluster", "prod"),)


def test_pods_with_an_agent_keep_their_association() -> None:
    hosts = (node(), node("fargate-1", compute_type="fargate"))
    snapshot = healthy(nodes=hosts, pods=(pod(), pod("batch-1", node="fargate-1")))
    (verdict,) = [verdict for verdict in verdicts(ID, snapshot) if verdict.outcome is Outcome.FAIL]
    assert verdict.pods == ("shop/batch-1",)
    assert "1 pod elsewhere" in verdict.evidence[-1]
    assert verdict.fix is not None
    assert verdict.fix.commands == ()
