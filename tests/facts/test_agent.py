"""The agents of a cluster, and the agent of an add-on version and its configuration values in a plan."""

from dataclasses import replace
from typing import Any

from checks.builder import (
    DENIED,
    NOW,
    agent_pod,
    association,
    cluster,
    daemon_set,
    healthy,
    hybrid_node,
    node,
    pod,
)
from harness import table
from podid.domain.cluster import Container, Node, Taint
from podid.domain.findings import EVERYONE, Severity
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import why_not_here
from podid.facts.agent import (
    AGENT_PRIORITY,
    agent_pods,
    agent_versions,
    blocked,
    daemon_sets,
    holders,
    importance,
    is_addons,
    lacks_agents,
    not_judged,
    option,
    planned_agent,
    pushed_off,
    served_by,
    unpulled,
    unserved,
)

NEW, OLD = "v1.3.10-eksbuild.1", "v1.3.2-eksbuild.2"
HYBRID = {"daemonsets": {"hybrid": {"create": True}}}
OF_BOTTLEROCKET = {"daemonsets": {"hybrid-bottlerocket": {"create": True}}}
BOTTLEROCKET_NODE = replace(hybrid_node(name="rocket"), labels={"os.bottlerocket.aws/version": "1.50.0"})
WAITING = agent_pod(node="", phase="Pending", ready=False, message="0/1: no free ports", host_ports=(80, 2703))


@table(
    ("version", "values", "ports", "placed"),
    [
        (NEW, {}, (80, 2703), True),
        (NEW, {"agent": {"advertiseProxyPort": False, "probePort": 2704}}, (2704,), True),
        (NEW, {"agent": "no object"}, (80, 2703), True),
        # values that are not valid have no placement
        (NEW, {"tolerations": "all"}, (80, 2703), False),
    ],
)
def test_configuration_values(version: str, values: dict[str, Any], ports: tuple[int, ...], placed: bool) -> None:
    agent = planned_agent(version, values)
    assert (agent.host_ports, agent.placement is not None) == (ports, placed)


@table(
    ("version", "values", "host", "goes"),
    [
        (NEW, {}, node(), True),
        (NEW, {}, node(taints=(Taint("gpu", "", "NoSchedule"),)), True),
        # versions before v1.2.0 tolerated no taint
        ("v1.1.0-eksbuild.1", {}, node(taints=(Taint("gpu", "", "NoSchedule"),)), False),
        (NEW, {}, node(compute_type="fargate"), False),
        (NEW, {"nodeSelector": {"pool": "apps"}}, node(), False),
        (NEW, {"nodeSelector": {"pool": "apps"}}, node(labels={"pool": "apps"}), False),
        (NEW, {}, hybrid_node(), False),
        (NEW, HYBRID, hybrid_node(), True),
        (OLD, HYBRID, hybrid_node(), False),
        (NEW, HYBRID, BOTTLEROCKET_NODE, False),
        (NEW, OF_BOTTLEROCKET, BOTTLEROCKET_NODE, True),
        (NEW, OF_BOTTLEROCKET, hybrid_node(), False),
        ("v1.3.7-eksbuild.1", OF_BOTTLEROCKET, BOTTLEROCKET_NODE, False),
    ],
)
def test_nodes_of_a_planned_agent(version: str, values: dict[str, Any], host: Node, goes: bool) -> None:
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    labelled = replace(host, labels={**labels, **({} if "pool" in host.labels else host.labels)})
    assert planned_agent(version, values).goes_to(labelled) is goes


def test_the_reason_why_a_hybrid_node_gets_no_agent() -> None:
    words = planned_agent(NEW, HYBRID).why_not_hybrid("hybrid-bottlerocket")
    assert "a Bottlerocket hybrid node requires the DaemonSet that --config daemonsets.hybrid-bottlerocket." in words
    assert "--config daemonsets.hybrid.create=true" in planned_agent(NEW, {}).why_not_hybrid("hybrid")
    words = planned_agent(OLD, HYBRID).why_not_hybrid("hybrid")
    assert words == f"{OLD} does not support hybrid nodes, v1.3.3-eksbuild.1 does"


def test_each_hybrid_node_is_in_one_of_the_daemon_sets() -> None:
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "eks.amazonaws.com/compute-type": "hybrid"}
    nodes = [replace(item, labels={**labels, **item.labels}) for item in (hybrid_node(name="far"), BOTTLEROCKET_NODE)]
    both = {"daemonsets": {**HYBRID["daemonsets"], **OF_BOTTLEROCKET["daemonsets"]}}
    _, *sets = daemon_sets(planned_agent(NEW, both), cluster(), nodes)
    assert [(item.name.removeprefix("eks-pod-identity-agent-"), item.desired) for item in sets] == [
        ("hybrid", 1),
        ("hybrid-bottlerocket", 1),
    ]
    assert [[not why_not_here(host, item.placement) for host in nodes] for item in sets] == [
        [True, False],
        [False, True],
    ]
    assert all(map(is_addons, sets))


def test_the_objects_of_a_planned_agent() -> None:
    plain = node(labels={"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"})
    agent = planned_agent(NEW, {**HYBRID, "agent": {"additionalArgs": {"-b": "169.254.170.23"}}})
    nodes = (plain, hybrid_node(name="far"), replace(plain, name="down", ready=False))
    first, second = daemon_sets(agent, cluster(), nodes)
    assert [(item.name, item.desired) for item in (first, second)] == [
        ("eks-pod-identity-agent", 2),
        ("eks-pod-identity-agent-hybrid", 1),
    ]
    assert first.args[-2:] == ("-b", "169.254.170.23")
    assert agent.has_bind_address
    pods = tuple(agent_pods(agent, nodes, {"node-1"}, NOW))
    # no pod is ready on a node that is not, and the pod of a held node is pending
    assert [(item.node, item.phase, item.ready) for item in pods] == [("", "Pending", False), ("far", "Running", True)]


@table(
    ("changes", "pending"),
    [
        ({"host_ports": (80,)}, True),
        ({"host_ports": (8080,)}, False),
        ({"host_ports": (80,), "node": "node-2"}, False),
        ({"host_ports": (80,), "phase": "Succeeded"}, False),
        ({"host_ports": (80,), "priority": AGENT_PRIORITY}, False),
    ],
)
def test_the_agent_preempts_a_pod_on_its_port(changes: dict[str, Any], pending: bool) -> None:
    before = pod(**changes)
    after = pushed_off(before, planned_agent(NEW, {}), {"node-1"})
    assert (after.node == "" and after.phase == "Pending") is pending
    assert (after == before) is not pending


# --- the agents of a cluster ------------------------------------------------------------------------------------------


def test_a_missing_agent_matters_to_associations_only() -> None:
    assert importance(healthy()) is Severity.ERROR
    assert importance(healthy(associations=())) is Severity.INFO
    assert importance(healthy(associations=DENIED)) is Severity.ERROR


@table(
    ("snapshot", "lacking"),
    [
        (healthy(), False),
        (healthy(daemon_sets=(daemon_set(desired=2),)), True),
        (healthy(daemon_sets=()), True),
        (healthy(agent_pods=DENIED), True),
        (healthy(agent_pods=(agent_pod(phase="Failed"),)), True),
    ],
)
def test_a_daemon_set_lacks_pods(snapshot: Snapshot, lacking: bool) -> None:
    assert lacks_agents(snapshot) is lacking


@table(
    ("snapshot", "chain", "nodes"),
    [
        (healthy(), (), ()),
        (healthy(agent_pods=()), ("shop/orders",), ("node-1",)),
        (healthy(agent_pods=(agent_pod(ready=False),)), ("shop/orders",), ("node-1",)),
        (healthy(agent_pods=(), nodes=(node(compute_type="auto"),)), (), ()),
        (healthy(agent_pods=DENIED), EVERYONE, ()),
    ],
)
def test_service_accounts_on_nodes_without_an_agent(
    snapshot: Snapshot, chain: tuple[str, ...], nodes: tuple[str, ...]
) -> None:
    assert unserved(snapshot) == (chain, nodes)


def test_service_accounts_that_a_daemon_set_serves() -> None:
    assert served_by(healthy(), daemon_set()) == ("shop/orders",)
    assert served_by(healthy(agent_pods=(agent_pod("node-2"),)), daemon_set()) == ()
    assert served_by(healthy(associations=(association(name="cart"),)), daemon_set()) == ()


def test_agent_pods_whose_state_says_nothing() -> None:
    assert not_judged(healthy(), agent_pod(ready=False)) == ""
    assert not_judged(healthy(), agent_pod(phase="Failed")).startswith("the pod has ended")
    assert not_judged(healthy(nodes=(node(ready=False),)), agent_pod()).startswith("node node-1 is not ready")


@table(
    ("words", "value"),
    [
        (("--probe-port", "2704"), "2704"),
        (("--probe-port=2704",), "2704"),
        (("exec agent --probe-port '2704' --port 80",), "2704"),
        (("--probe-port",), ""),
        (("--probe-ports", "1"), ""),
    ],
)
def test_flags_of_an_agent(words: tuple[str, ...], value: str) -> None:
    assert option(daemon_set(args=words), "--probe-port") == value
    assert option(daemon_set(command=words, args=()), "--probe-port") == value


def test_containers_that_wait_for_an_image() -> None:
    waiting, running = Container(name="agent", image="a:1", waiting="ErrImagePull"), Container(name="b", image="b:1")
    assert unpulled(agent_pod(ready=False, containers=(waiting, running))) == (waiting,)
    assert unpulled(agent_pod(ready=True, containers=(waiting, running))) == ()


def test_versions_of_images() -> None:
    images = ("r.example/eks-pod-identity-agent:v0.1.37-distroless", "r.example/other:v0.1.2", "eks-pod-identity-agent")
    assert agent_versions((daemon_set(images=images),)) == ["0.1.37"]


def test_pods_that_use_a_port_of_a_node() -> None:
    other, agent = pod("other", host_ports=(80,)), agent_pod(host_ports=(80,))
    pods = (other, agent, pod("ended", host_ports=(80,), phase="Failed"), pod("pending", host_ports=(80,), node=""))
    assert holders(pods, (agent,)) == {"node-1": (other,)}
    assert holders(pods, (agent,), 2703) == {}
    assert blocked(healthy(pods=pods, agent_pods=(WAITING,))) == {"node-1"}
    # a node with a ready agent is not blocked, whatever another pod waits for
    assert blocked(healthy(pods=pods, agent_pods=(WAITING, agent_pod()))) == frozenset()
