import shlex
from typing import Any

import pytest

from checks.builder import DENIED, addon, agent_pod, ago, association, daemon_set, healthy, no_agent, node
from checks.grid import answers, only, verdicts
from harness import table
from podid.domain.aws import Association
from podid.domain.cluster import Placement, Pod, Requirement, Taint

ID = "agent-not-on-node"
FAILS = healthy(agent_pods=())
UNKNOWN = healthy(agent_pods=(), daemon_sets=(daemon_set(generation=2),))
FINDINGS = [("fail", "error", "Node node-1")]
UNKNOWNS = [("unknown", "error", "Node node-1")]


@pytest.mark.parametrize("associations", [(), (association(),)])
def test_nodes_follow_from_an_agent_that_is_not_installed(associations: tuple[Association, ...]) -> None:
    masked = {v.masked_by for v in verdicts(ID, no_agent(associations=associations))}
    assert masked == {"agent-not-installed"}
    to_be_created = healthy(daemon_sets=(), agent_pods=(), associations=associations)
    assert {v.masked_by for v in verdicts(ID, to_be_created)} == {""}


@pytest.mark.parametrize(("minutes", "expected"), [(1, "unknown"), (5, "fail")])
def test_an_add_on_without_a_daemon_set_yet(minutes: int, expected: str) -> None:
    coming = addon(status="CREATING", created_at=ago(minutes=minutes))
    snapshot = healthy(agent_addon=coming, daemon_sets=(), agent_pods=())
    assert {a[0] for a in answers(ID, snapshot)} == {expected}


EDIT = "kubectl -n kube-system edit daemonset eks-pod-identity-agent"


@table(
    ("changes", "command"),
    [
        ({"placement": Placement(selector={"role": "system"})}, EDIT),
        (
            {
                "placement": Placement(selector={"role": "system"}),
                "set_by": {"eks": ("spec.template.spec.nodeSelector.role",)},
            },
            "podid install-agent --config nodeSelector=null --cluster prod",
        ),
        ({"placement": Placement(terms=((Requirement("disk", "Exists"),),))}, EDIT),
        ({}, EDIT.replace("edit", "describe")),
    ],
)
def test_the_fix_lets_the_daemon_set_include_the_node(changes: dict[str, Any], command: str) -> None:
    fix = only(ID, healthy(agent_pods=(), daemon_sets=(daemon_set(**changes),))).fix
    assert fix is not None
    assert shlex.join(fix.commands[0]) == command


@table(
    ("pods", "words"),
    [
        ((agent_pod(phase="Failed", reason="Evicted", message="low on memory"),), " was evicted: low on memory"),
        ((agent_pod(node="", message="1 Too many pods", ready=False),), ": an agent pod waits: 1 Too many pods"),
        ((), "node-1"),
    ],
)
def test_the_reason_is_that_of_its_pods(pods: tuple[Pod, ...], words: str) -> None:
    assert only(ID, healthy(agent_pods=pods)).message.partition("; pods of")[0].endswith(words)


def test_an_add_on_whose_daemon_set_was_deleted_is_installed_again() -> None:
    for status, first in (("ACTIVE", "uninstall-agent"), ("CREATE_FAILED", "install-agent")):
        fix = only(ID, healthy(agent_addon=addon(status=status), daemon_sets=(), agent_pods=())).fix
        assert fix is not None
        assert fix.commands[0][:2] == ("podid", first)


@table(
    ("extra", "expected"),
    [
        (node("n2"), ("fail", "error")),
        (node("n2", ready=False), ("not-applicable", "error")),
        (node("n2", compute_type="auto"), ("not-applicable", "error")),
        (node("n2", compute_type="fargate"), ("not-applicable", "error")),
        (node("n2", compute_type="hybrid"), ("not-applicable", "error")),
        (node("n2", os="windows"), ("not-applicable", "error")),
        (node("n2", arch="riscv64"), ("not-applicable", "error")),
    ],
)
def test_nodes_that_require_an_agent(extra: object, expected: tuple[str, str]) -> None:
    snapshot = healthy(nodes=(node(), extra), daemon_sets=(daemon_set(desired=2),))
    assert answers(ID, snapshot) == [("pass", "error", "Node node-1"), (*expected, "Node n2")][::-1]


def test_a_node_that_has_just_joined_is_not_judged() -> None:
    for age, outcome in ((ago(seconds=90), "not-applicable"), (ago(minutes=3), "fail")):
        snapshot = healthy(nodes=(node(), node("n2", created_at=age)))
        assert {a[2]: a[0] for a in answers(ID, snapshot)} == {"Node node-1": "pass", "Node n2": outcome}


def test_a_node_pool_without_agents_is_an_error_only_with_associated_pods() -> None:
    left_out = healthy(nodes=(node(), node("gpu")))
    assert [(v.outcome.value, v.severity.value) for v in verdicts(ID, left_out)] == [
        ("fail", "warn"),
        ("pass", "error"),
    ]
    suffering = healthy(nodes=(node(), node("gpu")), daemon_sets=(daemon_set(),), agent_pods=(agent_pod("gpu"),))
    failing = [v for v in verdicts(ID, suffering) if v.outcome.value == "fail"]
    assert [(v.severity.value, v.message) for v in failing] == [
        ("error", "no agent pod runs on node node-1; pods of shop/orders there get no credentials")
    ]


def test_hybrid_nodes_count_once_a_hybrid_daemon_set_exists() -> None:
    snapshot = healthy(
        nodes=(node(), node("h", compute_type="hybrid")),
        daemon_sets=(daemon_set(desired=1), daemon_set(name="eks-pod-identity-agent-hybrid", desired=1)),
    )
    assert answers(ID, snapshot) == [("fail", "error", "Node h"), ("pass", "error", "Node node-1")]


def test_a_daemon_set_that_is_being_updated_is_unknown() -> None:
    settling = healthy(agent_pods=(), daemon_sets=(daemon_set(generation=2),))
    assert [a[0] for a in answers(ID, settling)] == ["unknown"]
    starting = agent_pod(node="", phase="Pending", ready=False, created_at=ago(seconds=20))
    assert [a[0] for a in answers(ID, healthy(agent_pods=(starting,)))] == ["not-applicable"]


def test_a_pod_that_cannot_be_scheduled_explains_the_node_without_one() -> None:
    pending = agent_pod(node="", phase="Pending", ready=False)
    assert only(ID, healthy(agent_pods=(pending,))).masked_by == "agent-pod-unhealthy"


def test_unread_nodes_are_unknown() -> None:
    assert answers(ID, healthy(nodes=DENIED)) == [("unknown", "error", "Cluster prod")]


@table(
    ("placement", "tolerates"),
    [(Placement(), True), (Placement(selector={"example.com/tainted": "no"}), False)],
)
def test_a_toleration_is_the_fix_for_a_taint_only(placement: Placement, tolerates: bool) -> None:
    tainted = node(taints=(Taint("dedicated", "gpu", "NoSchedule"),))
    fix = only(ID, healthy(agent_pods=(), nodes=(tainted,), daemon_sets=(daemon_set(placement=placement),))).fix
    assert fix is not None
    assert any("tolerations=" in word for command in fix.commands for word in command) is tolerates
