"""Failure modes in the agents' logs."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from checks import builder
from checks.builder import pod
from harness import table
from ops.agent.support import moment, nodes, say
from podid.domain.cluster import Pod
from podid.domain.errors import Rejected, Unavailable
from podid.domain.plan import Place
from podid.facts.agent_logs import parse
from podid.kube import reader
from podid.ops.agent import logs
from podid.ops.agent.logs import Written, mode_of_line, pods_by_address
from worlds import Site

REFUSED = (
    "Error fetching credentials: operation error EKS Auth: AssumeRoleForPodIdentity, AccessDeniedException: User: x is "
    "not authorized to perform: eks-auth:AssumeRoleForPodIdentity on resource: y"
)
EXPIRED = "Removing credentials from cache, got non recoverable error: ExpiredTokenException: The token has expired"


def test_an_init_container_that_fails_is_read(healthy: Site) -> None:
    """The log of the agent itself is empty."""
    node = healthy.box.failures.put("stale-link-or-route")
    result = healthy("agent", "logs", "-o", "json")
    (item,) = result.json["items"]
    assert (result.code, item["id"], item["nodes"], result.json["unread"]) == (3, "stale-link-or-route", [node], [])
    assert "please remove route and try again" in healthy("agent", "logs", "--node", node, "--raw").stdout


def test_failures_are_counted_by_id_with_the_requesting_pods(healthy: Site) -> None:
    one, two, _ = nodes(healthy)
    orders = healthy.cluster.pods("shop", "orders")[0]
    address = orders["status"]["podIP"]
    say(healthy, one, REFUSED, ago=300, **{"client-addr": f"{address}:4711"})
    say(healthy, two, REFUSED, ago=100, **{"client-addr": "10.9.9.9:1"})
    say(healthy, two, EXPIRED, ago=50)
    say(healthy, two, "something that nobody has seen before", ago=40)
    outcome = healthy("agent", "logs", "-o", "json")
    assert outcome.code == 3
    refused, unknown, noise = outcome.json["items"]
    assert (refused["id"], refused["count"], refused["noise"]) == ("node-role-missing-eks-auth", 2, False)
    assert (refused["firstSeen"], refused["lastSeen"]) == (moment(healthy, 300), moment(healthy, 100))
    assert refused["nodes"] == sorted([one, two])
    assert refused["affected"] == sorted([f"shop/{orders['metadata']['name']}", "10.9.9.9"])
    assert (unknown["id"], unknown["sample"]) == (None, "something that nobody has seen before")
    assert (noise["id"], noise["noise"]) == ("agent-expired-token-noise", True)
    shown = healthy("agent", "logs")
    assert "podid explain node-role-missing-eks-auth" in shown.stderr


def test_the_address_of_an_ended_pod_belongs_to_its_next_pod() -> None:
    ended = pod("report-1", phase="Succeeded", ips=("10.0.0.7",))
    assert pods_by_address((pod("cart-1", ips=("10.0.0.7",)), ended)) == {"10.0.0.7": "shop/cart-1"}
    assert pods_by_address((ended, pod("node-shell", ips=("10.0.0.1",), host_network=True))) == {}


def test_noise_alone_is_no_failure(healthy: Site) -> None:
    say(healthy, nodes(healthy)[0], EXPIRED)
    outcome = healthy("agent", "logs", "-o", "json")
    assert (outcome.code, [item["noise"] for item in outcome.json["items"]]) == (0, [True])


def test_logs_since_a_time_and_of_a_node(healthy: Site) -> None:
    one, two, _ = nodes(healthy)
    say(healthy, one, REFUSED, ago=7200)
    assert healthy("agent", "logs").code == 0
    assert healthy("agent", "logs", "--since", "3h").code == 3
    assert healthy("agent", "logs", "--since", "3h", "--node", two).code == 0
    refused = healthy("agent", "logs", "--node", "nosuch", "-o", "json")
    assert (refused.code, refused.error["code"]) == (5, "NotFound")


def test_the_log_of_an_agent_that_crashed(healthy: Site) -> None:
    node = nodes(healthy)[0]
    healthy.kube.faults.agent_crashing[node] = (
        "Unable to start server: listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address"
    )
    healthy.wait(200)
    outcome = healthy("agent", "logs", "-o", "json")
    assert (outcome.code, outcome.json["items"][0]["id"]) == (3, "agent-ipv6-bind")


def test_logs_that_cannot_be_read(healthy: Site) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["daemonsets"], "verbs": ["list"]},
    ]
    outcome = healthy("agent", "logs", "-o", "json", env=healthy.user("viewer", rules))
    assert (outcome.code, len(outcome.json["unread"]), outcome.json["agents"]) == (9, 3, 0)

    following = healthy("agent", "logs", "--follow", "--timeout", "10s", env=healthy.user("viewer", rules))
    assert (following.code, "pods/log" in following.stderr) == (4, True)


def test_the_newest_lines_of_a_long_log_are_read(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_MOST_LINES", 10)
    monkeypatch.setattr(reader, "LOG_BYTES", 4000)
    node = nodes(healthy)[0]
    for number in range(40, 0, -1):
        say(healthy, node, "Calling EKS Auth to fetch credentials", "info", ago=number + 10)
    say(healthy, node, REFUSED, ago=5)
    assert healthy("agent", "logs").code == 3


def test_a_list_of_agents_that_fails_once_does_not_end_following(
    healthy: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, failures = reader.KubeReader.list_agent_pods, [Unavailable("once")]

    def list_agent_pods(self: reader.KubeReader) -> tuple[Pod, ...]:
        if failures:
            raise failures.pop()
        return listed(self)

    monkeypatch.setattr(reader.KubeReader, "list_agent_pods", list_agent_pods)
    assert healthy("agent", "logs", "--follow", "--timeout", "10s").code == 0
    assert not failures


def test_an_equal_line_at_another_time_is_printed_too() -> None:
    lines = [Written("a", "n", builder.ago(seconds=age), parse("panic: x")) for age in (9, 9, 5)]
    assert len(logs._PrintedLines(builder.ago(seconds=60)).new(builder.agent_pod(), lines)) == 2


def test_logs_without_the_permission_to_list_nodes(healthy: Site) -> None:
    """AmazonEKSViewPolicy allows this."""
    rules = [
        {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["daemonsets"], "verbs": ["list"]},
    ]
    viewer, node = healthy.user("viewer", rules), nodes(healthy)[0]
    assert healthy("agent", "logs", "-o", "json", env=viewer).json["agents"] == 3
    assert healthy("agent", "logs", "--node", node, "-o", "json", env=viewer).json["agents"] == 1
    mistyped = healthy("agent", "logs", "--node", node[:-1], env=viewer)
    assert (mistyped.code, "; did you mean " in mistyped.stderr) == (5, True)
    assert "and nodes could not be listed" in mistyped.stderr
    assert "does not exist" not in mistyped.stderr


def test_no_agent_at_all(site: Site) -> None:
    outcome = site("agent", "logs", "-o", "json")
    assert (outcome.code, outcome.error["code"]) == (5, "NotFound")


@table(
    ("line", "result"),
    [
        ('{"level":"info","msg":"Calling EKS Auth to fetch credentials","error":"context canceled"}', None),
        ('{"level":"info","msg":"Rate limited! Will try to keep creds locally"}', ("eks-auth-throttled", False)),
        ('{"level":"error","msg":"odd"}', ("", False)),
        ("panic: runtime error", ("", False)),
        ("plain words", None),
        ('{"level":"error","msg":"lookup eks-auth.x.api.aws: no such host"}', ("eks-auth-unreachable", False)),
        (
            "failed to load credentials: no such file or directory: /eks-hybrid/.aws",
            ("hybrid-daemonset-missing", False),
        ),
    ],
)
def test_the_failure_mode_of_a_line(line: str, result: tuple[str, bool] | None) -> None:
    assert mode_of_line(parse(line)) == result


def test_a_log_that_cannot_be_read_does_not_hide_the_lines_of_other_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    pods = [replace(pod(), name=name, node=name) for name in ("starting", "running")]
    monkeypatch.setattr(logs, "find_agents", lambda *_: (tuple(pods), (), 0))

    def read_log(namespace: str, name: str, **how: Any) -> str:
        if name == "starting":
            raise Rejected("container is waiting to start: ContainerCreating")
        return "2026-01-02T03:04:05Z one line"

    place = Place(account="", region="")
    clients: Any = SimpleNamespace(kube=SimpleNamespace(reader=SimpleNamespace(read_log=read_log)))
    seen: list[str] = []
    with pytest.raises(Rejected):
        seen.extend(line.pod for line in logs.each_line(clients, place, nodes=(), since=None))
    lines = logs.each_line(clients, place, nodes=(), since=None)
    assert next(lines).pod == "running"
