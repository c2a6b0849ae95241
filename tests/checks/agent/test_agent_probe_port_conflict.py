from dataclasses import replace
from typing import Any

from checks.builder import NO_PODS, agent_pod, daemon_set, healthy, node, pod
from checks.grid import answers
from harness import table

ID = "agent-probe-port-conflict"
FAILS = healthy(agent_pods=(agent_pod(ready=False),), pods=(pod(), pod("other", host_ports=(2703,))))
UNKNOWN = NO_PODS
FINDINGS = [("fail", "error", "Node node-1")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@table(
    ("sections", "expected"),
    [
        ({}, ("fail", "error", "Node node-1")),
        ({"associations": ()}, ("fail", "info", "Node node-1")),
        # another probe port, and its holder
        ({"daemon_sets": (daemon_set(args=("--probe-port=2704",)),)}, ("pass", "error", "Cluster prod")),
        ({"agent_pods": (agent_pod(),)}, ("pass", "error", "Cluster prod")),
        ({"nodes": (node(ready=False),)}, ("pass", "error", "Cluster prod")),
        ({"nodes": (node(compute_type="auto"),)}, ("pass", "error", "Cluster prod")),
        ({"nodes": ()}, ("pass", "error", "Cluster prod")),
        ({"pods": (pod("other", host_ports=(2705,)),)}, ("pass", "error", "Cluster prod")),
        ({"pods": (pod("other", host_ports=(2703,), phase="Succeeded"),)}, ("pass", "error", "Cluster prod")),
        ({"pods": (agent_pod(ready=False, host_ports=(2703,)),)}, ("pass", "error", "Cluster prod")),
        ({"daemon_sets": ()}, ("not-applicable", "error", "Cluster prod")),
    ],
)
def test_pods_that_use_the_probe_port(sections: dict[str, Any], expected: tuple[str, str, str]) -> None:
    values = {"agent_pods": (agent_pod(ready=False),), "pods": (pod(), pod("other", host_ports=(2703,))), **sections}
    assert answers(ID, healthy(**values)) == [expected]


def test_a_pod_on_the_probe_port_explains_the_pending_agent() -> None:
    waiting = replace(
        agent_pod(ready=False),
        node="",
        phase="Pending",
        host_ports=(80, 2703),
        message="1 node(s) didn't have free ports",
    )
    of_node = {"agent_pods": (waiting,), "pods": (pod(), pod("other", host_ports=(2703,)))}
    for check in ("agent-pod-unhealthy", "agent-not-on-node"):
        assert [row[0] for row in answers(check, healthy(**of_node))] == ["not-applicable"]
    assert answers(ID, healthy(**of_node)) == [("fail", "error", "Node node-1")]
    # without the other pod, only the pending pod is reported
    of_node["pods"] = (pod(),)
    assert [row[0] for row in answers("agent-pod-unhealthy", healthy(**of_node))] == ["fail"]
