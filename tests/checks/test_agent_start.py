"""Links 4, 6 and 8: what keeps an agent from starting or from its proxies, and a pod from an agent that starts."""

from dataclasses import replace
from typing import Any

import pytest

from harness import table
from podid.checks.all import BY_ID
from podid.checks.shared.logs import TOLD_BY_OTHERS
from podid.domain.aws import Instance
from podid.domain.cluster import Container, Node, Placement, Taint
from podid.domain.evidence import LogSighting
from podid.domain.findings import Verdict
from podid.domain.network import NOT_SEEN
from podid.domain.snapshot import Known, Snapshot
from podid.facts.agent_logs import RULES
from podid.ops.status.diagnose import diagnose

from .builder import agent_pod, ago, cluster, daemon_set, healthy, node, pod, race
from .grid import DENIED, answers, only, verdicts

IPV6 = "http://[fd00:ec2::23]/v1/credentials"
STARTING = agent_pod(ready=False)
PROXY = {"HTTP_PROXY": "", "HTTPS_PROXY": ""}


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
def test_who_holds_the_probe_port(sections: dict[str, Any], expected: tuple[str, str, str]) -> None:
    values = {"agent_pods": (STARTING,), "pods": (pod(), pod("other", host_ports=(2703,))), **sections}
    assert answers("agent-probe-port-conflict", healthy(**values)) == [expected]


@table(("check", "port"), [("agent-port80-conflict", 80), ("agent-probe-port-conflict", 2703)])
@table(
    ("there", "outcome"),
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
def test_a_port_matters_where_the_agent_is_to_be(check: str, port: int, there: Node, outcome: str) -> None:
    holder = pod("other", host_ports=(port,), node="node-1")
    values = {"agent_pods": (), "pods": (holder,), "nodes": (there,)}
    found = answers(check, healthy(**values, daemon_sets=(daemon_set(host_ports=(80, 2703), placement=Placement()),)))
    assert [each[0] for each in found] == [outcome]
    assert answers(check, healthy(**{**values, "nodes": DENIED}))[0][0] == "unknown"


def test_a_pod_that_keeps_the_agent_waiting_is_named_alone() -> None:
    waiting = replace(
        STARTING, node="", phase="Pending", host_ports=(80, 2703), message="1 node(s) didn't have free ports"
    )
    of_node = {"agent_pods": (waiting,), "pods": (pod(), pod("other", host_ports=(2703,)))}
    for check in ("agent-pod-unhealthy", "agent-not-on-node"):
        assert [each[0] for each in answers(check, healthy(**of_node))] == ["not-applicable"]
    assert answers("agent-probe-port-conflict", healthy(**of_node)) == [("fail", "error", "Node node-1")]
    # who holds it is not seen: then the pod that waits is all there is to say
    of_node["pods"] = (pod(),)
    assert [each[0] for each in answers("agent-pod-unhealthy", healthy(**of_node))] == ["fail"]


def ends(after: int = 0, **changes: Any) -> Any:
    """An agent in CrashLoopBackOff whose last run took that many seconds."""
    ran = (ago(seconds=60 + after), ago(seconds=60))
    made: dict[str, Any] = {"waiting": "CrashLoopBackOff", "failed": ran, **changes}
    return agent_pod(ready=False, containers=(Container(name="a", image="r.example/a:1", **made),))


@table(
    ("agent", "sections", "expected"),
    [
        (ends(), {}, ("fail", "info")),
        (ends(30), {}, ("pass", "error")),
        (ends(waiting=""), {}, ("pass", "error")),
        (ends(failed=None), {}, ("pass", "error")),
        (ends(), {"daemon_sets": (daemon_set(args=("-b", "169.254.170.23")),)}, ("pass", "error")),
        (ends(), {"daemon_sets": (daemon_set(args=("--bind-hosts=169.254.170.23",)),)}, ("pass", "error")),
        (ends(), {"cluster": cluster(ip_family="ipv6")}, ("not-applicable", "error")),
    ],
)
def test_an_agent_that_may_lack_ipv6(agent: Any, sections: dict[str, Any], expected: tuple[str, str]) -> None:
    (answer,) = answers("agent-ipv6-bind", healthy(agent_pods=(agent,), **sections))
    assert answer[:2] == expected


def of_node(check: str, snapshot: Snapshot) -> Verdict:
    (verdict,) = (v for v in verdicts(check, snapshot) if v.subject.kind == "Node")
    return verdict


SHOWN = sorted({rule.id for rule in RULES if not rule.noise} - TOLD_BY_OTHERS)


@table("mode", SHOWN)
def test_what_the_end_of_its_log_shows_is_named_for_the_agent(mode: str) -> None:
    """Whatever ends it: as an error of its node, which explains that the agent is not ready, and nothing beside it."""
    agent = ends(restarts=5)
    why = LogSighting(id=mode, node=agent.node, count=1, sample="the last line", running=False)
    snapshot = healthy(agent_pods=(agent,), agent_crashes={f"{agent.namespace}/{agent.name}": Known((why,))})
    found = {(v.check, str(v.subject), v.severity.value, v.masked_by) for v in diagnose(snapshot).findings}
    severity = BY_ID[mode].severity.value
    assert found == {
        (mode, "Node node-1", severity, ""),
        ("agent-pod-unhealthy", f"Pod kube-system/{agent.name}", "error", mode),
    }


@pytest.mark.parametrize(
    "read", [Known(()), Known((LogSighting(id="association-missing", node="node-1", count=1, sample="not that"),))]
)
def test_a_log_that_shows_nothing_leaves_the_agent_as_it_looks(read: Any) -> None:
    agent = ends(restarts=5)
    snapshot = healthy(agent_pods=(agent,), agent_crashes={f"{agent.namespace}/{agent.name}": read})
    assert [(v.check, v.masked_by) for v in diagnose(snapshot).findings] == [("agent-pod-unhealthy", "")]


def test_what_the_whole_log_shows_is_told_once() -> None:
    agent = ends(restarts=5)
    name = f"{agent.namespace}/{agent.name}"
    last, whole = (
        LogSighting(id="agent-ipv6-bind", node="node-1", count=count, sample="bind", running=False) for count in (1, 7)
    )
    snapshot = healthy(agent_pods=(agent,), agent_crashes={name: Known((last,))}, agent_logs={name: Known((whole,))})
    verdict = of_node("agent-ipv6-bind", snapshot)
    assert verdict.message == "occurred 7 times in the log of its agent"


@pytest.mark.parametrize(
    ("family", "first"), [("ipv4", "install-agent"), ("ipv6", "agent")], ids=["IPv4 alone is enough", "pods need IPv6"]
)
def test_an_agent_binds_less_only_where_that_serves_the_pods(family: str, first: str) -> None:
    seen = LogSighting(id="agent-ipv6-bind", node="node-1", count=1, sample="bind", running=False)
    snapshot = healthy(
        cluster=cluster(ip_family=family),
        agent_pods=(ends(restarts=5),),
        agent_crashes={f"kube-system/{ends().name}": Known((seen,))},
    )
    fix = of_node("agent-ipv6-bind", snapshot).fix
    assert fix is not None
    assert fix.commands[0][:2] == ("podid", first)


@table(
    ("changes", "expected"),
    [
        ({}, "not-applicable"),
        ({"env": {"HTTPS_PROXY": ""}}, "pass"),
        ({"env": {"http_proxy": ""}}, "fail"),
        ({"env": PROXY}, "fail"),
        ({"env": {**PROXY, "NO_PROXY": "169.254.170.23"}}, "fail"),
        ({"env": {**PROXY, "NO_PROXY": "169.254.170.23,169.254.169.254"}}, "pass"),
        ({"env": {**PROXY, "no_proxy": "169.254.0.0/16"}}, "pass"),
        ({"env": {**PROXY, "NO_PROXY": NOT_SEEN}}, "not-applicable"),
        ({"env": {**PROXY, "NO_PROXY": "*"}}, "pass"),
        (
            {"env": {"HTTPS_PROXY": ""}, "images": ("r.example/eks-pod-identity-agent:v0.1.35",)},
            "fail",
        ),
        ({"images": ("r.example/eks-pod-identity-agent:v0.1.35",)}, "not-applicable"),
    ],
)
def test_proxies_of_the_agent(changes: dict[str, Any], expected: str) -> None:
    (answer,) = answers("agent-proxy-misconfig", healthy(daemon_sets=(daemon_set(**changes),)))
    assert answer[:2] == (expected, "warn" if expected == "fail" else "error")


@pytest.mark.parametrize(
    ("nodes", "timing", "expected"),
    [
        (("a", "b"), {}, "fail"),
        (("a",), {}, "pass"),
        # began when the agent was ready, ran for longer, began before there was an agent pod
        (("a", "b"), {"after": 31}, "pass"),
        (("a", "b"), {"lasted": 200}, "pass"),
        (("a", "b"), {"after": -5}, "pass"),
    ],
)
def test_pods_before_their_nodes_agent(nodes: tuple[str, ...], timing: dict[str, float], expected: str) -> None:
    assert answers("node-startup-race", race(*nodes, **timing)) == [(expected, "warn", "Cluster prod")]


def test_a_pod_without_credentials_failed_for_another_reason() -> None:
    raced = race("a", "b")
    assert isinstance(raced.pods, Known)
    bare = tuple(
        replace(p, containers=tuple(replace(c, env={}) for c in p.containers), volumes=()) for p in raced.pods.value
    )
    assert only("node-startup-race", replace(raced, pods=Known(bare))).outcome.value == "pass"


@table(
    ("image", "env", "expected"),
    [
        ("example/app:1", {"JAVA_TOOL_OPTIONS": ""}, "fail"),
        ("example/app:1", {"JDK_JAVA_OPTIONS": ""}, "fail"),
        ("docker.io/library/eclipse-temurin:21", {}, "fail"),
        ("example/javascript-app:1", {}, "pass"),
        ("example/app:1", {}, "pass"),
        ("amazoncorretto:21", {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": ""}, "pass"),
        ("openjdk:21", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}, "pass"),
    ],
)
def test_java_on_ipv6(image: str, env: dict[str, str], expected: str) -> None:
    (container,) = pod().containers
    values = {**container.env, "AWS_CONTAINER_CREDENTIALS_FULL_URI": IPV6, **env}
    pods = (pod(containers=(replace(container, image=image, env=values),)),)
    snapshot = healthy(cluster=cluster(ip_family="ipv6"), pods=pods)
    (answer,) = answers("java-ipv6-host-rejected", snapshot)
    assert answer[:2] == (expected, "warn" if expected == "fail" else "error")
    assert only("java-ipv6-host-rejected", healthy(pods=pods)).outcome.value == "pass"


PROFILED = Instance(id="i-2", profile_arn="arn:aws:iam::111122223333:instance-profile/p")
BARE = Instance(id="i-1")


@table(
    ("sections", "expected"),
    [
        # what EC2 says is doubted where it says so of every instance, and the agents work
        ({"instances": {"node-1": BARE}}, ("not-applicable", "error", "Node node-1")),
        ({"instances": {"node-1": BARE}, "agent_pods": (STARTING,)}, ("fail", "error", "Node node-1")),
        ({"instances": {"node-1": BARE, "node-2": PROFILED}}, ("fail", "error", "Node node-1")),
        ({"instances": {"node-1": replace(PROFILED, metadata=False)}}, ("fail", "error", "Node node-1")),
        ({"instances": {}}, ("not-applicable", "error", "Node node-1")),
        ({"instances": DENIED}, ("unknown", "warn", "Cluster prod")),
    ],
)
def test_an_instance_that_gives_the_agent_no_credentials(
    sections: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert answers("agent-imds-unavailable", healthy(**sections)) == [expected]
