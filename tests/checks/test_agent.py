"""Link 6: the agent's checks, healthy, broken and unknown, and what must not alarm anybody."""

from dataclasses import replace

import pytest

from harness import table
from podid.domain.aws import AddonIssue, Association
from podid.domain.cluster import Container, Placement, Requirement
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import is_agent
from podid.facts.nodes import expects_agent

from .builder import addon, agent_pod, ago, association, cluster, daemon_set, healthy, node
from .grid import DENIED, answers, only, verdicts

PASS, FAIL, UNKNOWN, SKIP = "pass", "fail", "unknown", "not-applicable"
TOO_FEW = (AddonIssue("InsufficientNumberOfReplicas", "The add-on is unhealthy."),)
CRASHED = agent_pod(
    ready=False,
    containers=(Container(name="eks-pod-identity-agent", image="x", waiting="CrashLoopBackOff", restarts=7),),
)


def no_agent(**more: object) -> Snapshot:
    return healthy(agent_addon=None, daemon_sets=(), agent_pods=(), **more)


@table(
    ("snapshot", "expected"),
    [
        pytest.param(healthy(), (PASS, "error"), id="add-on"),
        pytest.param(healthy(agent_addon=None), (PASS, "error"), id="self-managed"),
        pytest.param(
            healthy(
                agent_addon=None, daemon_sets=(daemon_set(name="pia", namespace="infra", images=("r.example/pia:1",)),)
            ),
            (PASS, "error"),
            id="renamed and mirrored",
        ),
        pytest.param(no_agent(), (FAIL, "error"), id="nothing"),
        pytest.param(no_agent(associations=()), (FAIL, "info"), id="nothing, and nobody needs it"),
        pytest.param(
            no_agent(cluster=cluster(auto_mode=True), nodes=(node(compute_type="auto"),)), (SKIP, "error"), id="auto"
        ),
        pytest.param(
            no_agent(nodes=(node(compute_type="fargate"), node("w", os="windows"))), (SKIP, "error"), id="fargate"
        ),
        pytest.param(no_agent(nodes=()), (FAIL, "error"), id="scaled to zero nodes"),
        pytest.param(healthy(agent_addon=DENIED), (PASS, "error"), id="add-on unreadable, DaemonSet seen"),
        pytest.param(healthy(agent_addon=DENIED, daemon_sets=()), (UNKNOWN, "error"), id="add-on unreadable"),
        pytest.param(healthy(agent_addon=None, daemon_sets=DENIED), (UNKNOWN, "error"), id="DaemonSets unreadable"),
        pytest.param(healthy(associations=DENIED), (PASS, "error"), id="associations unreadable, add-on seen"),
        pytest.param(no_agent(associations=DENIED), (UNKNOWN, "error"), id="associations unreadable"),
    ],
)
def test_agent_not_installed(snapshot: Snapshot, expected: tuple[str, str]) -> None:
    assert answers("agent-not-installed", snapshot) == [(*expected, "Cluster prod")]


@pytest.mark.parametrize("associations", [(), (association(),)])
def test_nodes_follow_from_an_agent_that_is_not_installed(associations: tuple[Association, ...]) -> None:
    masked = {v.masked_by for v in verdicts("agent-not-on-node", no_agent(associations=associations))}
    assert masked == {"agent-not-installed"}
    made = healthy(daemon_sets=(), agent_pods=(), associations=associations)
    assert {v.masked_by for v in verdicts("agent-not-on-node", made)} == {""}


@pytest.mark.parametrize(
    "words",
    [
        {"args": ("server", "--cluster-name", "prod", "--probe-port", "2703")},
        {"args": (), "command": ("/agent", "server", "--cluster-name=prod", "--probe-port=2703")},
        {"args": (), "command": ("sh", "-c", "exec /agent server --cluster-name prod --probe-port 2703")},
    ],
)
def test_an_agent_of_another_name_is_known_by_its_flags(words: dict[str, tuple[str, ...]]) -> None:
    renamed = daemon_set(name="pia", images=("mirror.example/pia:1",), selector={"app": "pia"}, **words)
    assert is_agent(renamed)
    assert not is_agent(replace(renamed, args=("--cluster-name", "prod"), command=("/cluster-autoscaler",)))


def test_whom_a_daemon_set_serves_is_told_by_where_it_goes() -> None:
    """By its name only where it says nothing of that."""
    elsewhere = Placement(terms=((Requirement("eks.amazonaws.com/compute-type", "NotIn", ("hybrid",)),),))
    there = Placement(terms=((Requirement("eks.amazonaws.com/compute-type", "In", ("hybrid",)),),))
    far = node("far", compute_type="hybrid")
    for name, placement, served in (
        *(("hybrid-fleet", elsewhere, False), ("eks-pod-identity-agent", there, True)),
        *(("eks-pod-identity-agent-hybrid", Placement(), True), ("hybrid-fleet", Placement(), False)),
    ):
        assert expects_agent(far, (daemon_set(name=name, placement=placement),)) is served


@table(
    ("version", "platform", "expected"),
    [
        *(("1.23", "eks.99", FAIL), ("1.24", "eks.12", FAIL), ("1.24", "eks.13", PASS), ("1.29", "eks.1", PASS)),
        *(("1.30", "eks.1", FAIL), ("1.31", "eks.3", FAIL), ("1.31", "eks.4", PASS), ("1.32", "", PASS)),
        *(("1.31", "", UNKNOWN), ("", "eks.9", UNKNOWN)),
    ],
)
def test_the_first_platform_versions(version: str, platform: str, expected: str) -> None:
    old = cluster(version=version, platform_version=platform)
    assert [a[0] for a in answers("cluster-too-old", healthy(cluster=old, pods=()))] == [expected]


def test_agent_not_installed_says_what_to_do() -> None:
    verdict = only("agent-not-installed", no_agent())
    assert verdict.message == (
        "the agent is not installed: there is neither the add-on eks-pod-identity-agent nor a DaemonSet; "
        "1 association cannot work without the agent"
    )
    nobody = no_agent(associations=())
    assert only("agent-not-installed", nobody).message.endswith("nor a DaemonSet; no association needs the agent yet")
    of_shop = only("agent-not-installed", replace(nobody, only_namespaces=("shop",)))
    assert of_shop.message.endswith("nor a DaemonSet; no association of namespace shop needs the agent yet")
    assert verdict.fix is not None
    assert verdict.fix.commands == (("podid", "install-agent", "--cluster", "prod"),)


@table(
    ("pod", "expected"),
    [
        (agent_pod(), PASS),
        (CRASHED, FAIL),
        (agent_pod(ready=False), FAIL),
        (agent_pod(ready=False, created_at=ago(seconds=40)), SKIP),
        (replace(CRASHED, created_at=ago(seconds=40)), FAIL),
        (agent_pod(ready=False, node="", phase="Pending"), FAIL),
        (agent_pod(ready=False, phase="Failed"), SKIP),
        (agent_pod(ready=False, deleting=True), SKIP),
    ],
)
def test_agent_pod_unhealthy(pod: object, expected: str) -> None:
    assert answers("agent-pod-unhealthy", healthy(agent_pods=(pod,))) == [
        (expected, "error", "Pod kube-system/eks-pod-identity-agent-node-1")
    ]


def test_an_agent_pod_on_a_node_that_is_not_ready_is_not_judged() -> None:
    snapshot = healthy(nodes=(node(ready=False),), agent_pods=(CRASHED,))
    assert [a[0] for a in answers("agent-pod-unhealthy", snapshot)] == [SKIP]
    assert [a[0] for a in answers("agent-not-on-node", snapshot)] == [PASS]


def test_an_unhealthy_agent_names_container_and_victims() -> None:
    verdict = only("agent-pod-unhealthy", healthy(agent_pods=(CRASHED,)))
    assert verdict.message == "the agent on node node-1 is not ready: CrashLoopBackOff"
    assert verdict.evidence == ("container eks-pod-identity-agent: CrashLoopBackOff, 7 restarts",)
    assert verdict.chain == ("shop/orders",)


@pytest.mark.parametrize(("ended", "told"), [("OOMKilled", " (OOMKilled)"), ("Error", "")])
def test_an_unhealthy_agent_says_why_its_last_run_ended(ended: str, told: str) -> None:
    pod = replace(CRASHED, containers=tuple(replace(each, ended=ended) for each in CRASHED.containers))
    verdict = only("agent-pod-unhealthy", healthy(agent_pods=(pod,)))
    assert verdict.message == f"the agent on node node-1 is not ready: CrashLoopBackOff{told}"
    (evidence,) = verdict.evidence
    assert evidence.endswith(f"CrashLoopBackOff, 7 restarts, its last run ended with {ended}")


def test_agent_pods_unreadable() -> None:
    assert answers("agent-pod-unhealthy", healthy(agent_pods=DENIED)) == [(UNKNOWN, "error", "Cluster prod")]


@table(
    ("snapshot", "expected"),
    [
        (healthy(), (PASS, "error", "")),
        (healthy(agent_addon=None), (SKIP, "error", "")),
        (healthy(agent_addon=addon(status="UPDATE_FAILED")), (FAIL, "error", "")),
        (healthy(agent_addon=addon(status="PAUSED")), (UNKNOWN, "error", "")),
        (healthy(agent_addon=addon(status="CREATING", created_at=ago(minutes=3))), (UNKNOWN, "error", "")),
        (healthy(agent_addon=addon(status="CREATING", created_at=ago(minutes=30))), (FAIL, "error", "")),
        (
            healthy(agent_addon=addon(status="DEGRADED", issues=TOO_FEW), agent_pods=(CRASHED,)),
            (FAIL, "error", "agent-pod-unhealthy"),
        ),
        (
            healthy(agent_addon=addon(status="DEGRADED", issues=TOO_FEW), agent_pods=()),
            (FAIL, "error", "agent-not-on-node"),
        ),
        (healthy(agent_addon=addon(status="DEGRADED", issues=TOO_FEW)), (FAIL, "warn", "")),
        (
            healthy(
                agent_addon=addon(status="DEGRADED", issues=TOO_FEW),
                nodes=(),
                agent_pods=(),
                daemon_sets=(daemon_set(desired=0),),
            ),
            (FAIL, "info", ""),
        ),
        (
            healthy(agent_addon=addon(issues=(AddonIssue("ConfigurationConflict", "conflict with helm"),))),
            (FAIL, "warn", ""),
        ),
        (healthy(agent_addon=DENIED), (UNKNOWN, "error", "")),
    ],
)
def test_addon_degraded_or_failed(snapshot: Snapshot, expected: tuple[str, str, str]) -> None:
    verdict = only("addon-degraded-or-failed", snapshot)
    assert (verdict.outcome.value, verdict.severity.value, verdict.masked_by) == expected


@pytest.mark.parametrize(("minutes", "expected"), [(1, UNKNOWN), (5, FAIL)])
def test_an_add_on_that_has_not_made_its_daemon_set_yet(minutes: int, expected: str) -> None:
    coming = addon(status="CREATING", created_at=ago(minutes=minutes))
    snapshot = healthy(agent_addon=coming, daemon_sets=(), agent_pods=())
    assert {a[0] for a in answers("agent-not-on-node", snapshot)} == {expected}


def test_an_add_on_whose_daemon_set_was_deleted_is_made_anew() -> None:
    for status, first in (("ACTIVE", "uninstall-agent"), ("CREATE_FAILED", "install-agent")):
        fix = only("agent-not-on-node", healthy(agent_addon=addon(status=status), daemon_sets=(), agent_pods=())).fix
        assert fix is not None
        assert fix.commands[0][:2] == ("podid", first)


@table(
    ("extra", "expected"),
    [
        (node("n2"), (FAIL, "error")),
        (node("n2", ready=False), (SKIP, "error")),
        (node("n2", compute_type="auto"), (SKIP, "error")),
        (node("n2", compute_type="fargate"), (SKIP, "error")),
        (node("n2", compute_type="hybrid"), (SKIP, "error")),
        (node("n2", os="windows"), (SKIP, "error")),
        (node("n2", arch="riscv64"), (SKIP, "error")),
    ],
)
def test_agent_not_on_node(extra: object, expected: tuple[str, str]) -> None:
    snapshot = healthy(nodes=(node(), extra), daemon_sets=(daemon_set(desired=2),))
    assert answers("agent-not-on-node", snapshot) == [(PASS, "error", "Node node-1"), (*expected, "Node n2")][::-1]


def test_a_node_that_has_just_joined_is_not_judged() -> None:
    for age, outcome in ((ago(seconds=90), SKIP), (ago(minutes=3), FAIL)):
        snapshot = healthy(nodes=(node(), node("n2", created_at=age)))
        assert {a[2]: a[0] for a in answers("agent-not-on-node", snapshot)} == {"Node node-1": PASS, "Node n2": outcome}


def test_a_pool_left_out_on_purpose_is_a_warning_until_somebody_suffers() -> None:
    left_out = healthy(nodes=(node(), node("gpu")))
    assert [(v.outcome.value, v.severity.value) for v in verdicts("agent-not-on-node", left_out)] == [
        (FAIL, "warn"),
        (PASS, "error"),
    ]
    suffering = healthy(nodes=(node(), node("gpu")), daemon_sets=(daemon_set(),), agent_pods=(agent_pod("gpu"),))
    failing = [v for v in verdicts("agent-not-on-node", suffering) if v.outcome.value == FAIL]
    assert [(v.severity.value, v.message) for v in failing] == [
        ("error", "no agent pod runs on node node-1; pods of shop/orders there get no credentials")
    ]


def test_hybrid_nodes_count_once_a_hybrid_daemon_set_exists() -> None:
    snapshot = healthy(
        nodes=(node(), node("h", compute_type="hybrid")),
        daemon_sets=(daemon_set(desired=1), daemon_set(name="eks-pod-identity-agent-hybrid", desired=1)),
    )
    assert answers("agent-not-on-node", snapshot) == [(FAIL, "error", "Node h"), (PASS, "error", "Node node-1")]


def test_a_daemon_set_in_motion_is_unknown_and_a_pod_being_scheduled_is_waited_for() -> None:
    settling = healthy(agent_pods=(), daemon_sets=(daemon_set(generation=2),))
    assert [a[0] for a in answers("agent-not-on-node", settling)] == [UNKNOWN]
    starting = agent_pod(node="", phase="Pending", ready=False, created_at=ago(seconds=20))
    assert [a[0] for a in answers("agent-not-on-node", healthy(agent_pods=(starting,)))] == [SKIP]


def test_a_pod_that_cannot_be_scheduled_explains_the_node_without_one() -> None:
    pending = agent_pod(node="", phase="Pending", ready=False)
    assert only("agent-not-on-node", healthy(agent_pods=(pending,))).masked_by == "agent-pod-unhealthy"


def test_nodes_unreadable() -> None:
    assert answers("agent-not-on-node", healthy(nodes=DENIED)) == [(UNKNOWN, "error", "Cluster prod")]
