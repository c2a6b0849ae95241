from dataclasses import replace

from checks.builder import DENIED, NO_PODS, daemon_set, healthy, node, pod
from checks.grid import answers, only
from harness import table
from podid.domain.cluster import Node, Placement, Taint

ID = "agent-port80-conflict"
FAILS = healthy(
    daemon_sets=(daemon_set(host_ports=(80, 2703)),),
    agent_pods=(),
    pods=(pod(), pod("ingress", host_ports=(80,))),
)
UNKNOWN = NO_PODS
FINDINGS = [("fail", "error", "Node node-1")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@table(("check", "port"), [(ID, 80), ("agent-probe-port-conflict", 2703)])
@table(
    ("host", "outcome"),
    [
        (node(), "fail"),
        (node(ready=False), "pass"),
        (node(compute_type="auto"), "pass"),
        (node(compute_type="hybrid"), "pass"),
        (node(compute_type="fargate"), "pass"),
        # the DaemonSet leaves it out: the port is not why
        (node(taints=(Taint("gpu", "", "NoSchedule"),)), "pass"),
        (node("another"), "pass"),
    ],
)
def test_a_port_matters_only_on_nodes_that_require_an_agent(check: str, port: int, host: Node, outcome: str) -> None:
    holder = pod("other", host_ports=(port,), node="node-1")
    values = {"agent_pods": (), "pods": (holder,), "nodes": (host,)}
    rows = answers(check, healthy(**values, daemon_sets=(daemon_set(host_ports=(80, 2703), placement=Placement()),)))
    assert [row[0] for row in rows] == [outcome]
    assert answers(check, healthy(**{**values, "nodes": DENIED}))[0][0] == "unknown"


def test_a_pod_of_a_namespace_that_was_not_read_may_use_the_port() -> None:
    """The agent's pod waits for a port, as the scheduler reports, and the pod that uses it is not in the snapshot."""
    waiting = pod("agent-2", namespace="kube-system", node="", host_ports=(80, 2703), message="didn't have free ports")
    sets = (daemon_set(host_ports=(80, 2703), placement=Placement()),)
    whole = healthy(agent_pods=(waiting,), pods=(pod(),), daemon_sets=sets)
    scoped = replace(whole, only_namespaces=("shop",))
    for check, there, alone in ((ID, "pass", "fail"), ("agent-not-on-node", "fail", "not-applicable")):
        assert [row[0] for row in answers(check, whole)] == [there]
        assert [row[0] for row in answers(check, scoped)] == [alone]
    assert "pods outside namespace shop" in only(ID, scoped).evidence[0]
