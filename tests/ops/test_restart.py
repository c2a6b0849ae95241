"""Restarts of stale pods, against a sandbox whose controllers really replace them."""

from collections.abc import Iterator
from typing import Any

import pytest

from podid.domain.exit_codes import ExitCode
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Status
from podid.ops.association.effect import is_injected
from podid.ops.restart.rollout import Outcome, RestartReport, find_targets, restart
from podid.sandbox.faults import Fault
from podid.sandbox.kube import kinds
from podid.sandbox.kube.kinds import KubeKind

from .kube_world import ORDERS, KubeWorld, kube_world

BILLING = ServiceAccountRef("payments", "billing-worker")
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "x"}},
    "spec": {"serviceAccountName": "orders", "containers": [{"name": "app", "image": "busybox"}]},
}


@pytest.fixture
def world() -> Iterator[KubeWorld]:
    with kube_world() as world:
        yield world


def run(world: KubeWorld, *, stale: bool = True, token: str = "", timeout: float = 300, **more: bool) -> RestartReport:
    reader, writer = world.login(token) if token else (world.reader, world.writer)
    return restart(
        reader,
        writer,
        find_targets(reader, [ORDERS, BILLING], stale=stale),
        timeout=timeout,
        now=world.now,
        monotonic=world.clock,
        sleep=world.sleep,
        progress=world.progress,
        **more,
    )


def told(report: RestartReport) -> list[tuple[str, str, str, int]]:
    return [(str(o.target.workload), str(o.status), o.message, o.restarts) for o in report.outcomes]


def make(world: KubeWorld, kind: KubeKind, name: str, **spec: Any) -> None:
    world.sandbox.create(kind, {"metadata": {"name": name, "namespace": "shop"}, "spec": spec})
    world.sleep(5)


def managed(**more: Any) -> dict[str, Any]:
    return {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE, **more}


def associate(world: KubeWorld) -> None:
    """The control plane knows of both associations, and every replica of the webhook too."""
    world.aws.associations |= {("shop", "orders"), ("payments", "billing-worker")}
    for ref in (ORDERS, BILLING):
        world.writer.dry_run_pod(ref, image="x")
    world.sleep(2)


def only_orders(world: KubeWorld) -> None:
    world.sandbox.delete(kinds.DEPLOYMENTS, "payments", "billing-worker")
    world.sleep(2)


def test_stale_pods_are_replaced_by_injected_ones(world: KubeWorld) -> None:
    before = {pod.uid for pod in world.reader.list_pods("shop")}
    associate(world)
    report = run(world)
    assert told(report) == [
        ("Deployment payments/billing-worker", "done", "1 of 1 pods are new", 1),
        ("Deployment shop/orders", "done", "2 of 2 pods are new", 1),
    ]
    assert report.exit_code is ExitCode.OK
    after = [pod for pod in world.reader.list_pods("shop") if not pod.deleting]
    assert len(after) == 2
    assert all(map(is_injected, after))
    assert before.isdisjoint(pod.uid for pod in after)


def test_a_second_run_finds_nothing_to_do(world: KubeWorld) -> None:
    associate(world)
    run(world)
    generation = world.reader.get_workload("Deployment", "shop", "orders").generation
    assert run(world) == RestartReport(())
    assert world.reader.get_workload("Deployment", "shop", "orders").generation == generation


def test_a_rollout_under_way_is_waited_for(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    world.writer.restart("Deployment", "shop", "orders", at=world.now())
    assert [t.pods for t in find_targets(world.reader, [ORDERS], stale=True)] != []
    generation = world.reader.get_workload("Deployment", "shop", "orders").generation
    assert told(run(world)) == [("Deployment shop/orders", "done", "2 of 2 pods are new", 0)]
    assert world.reader.get_workload("Deployment", "shop", "orders").generation == generation
    assert world.said[0] == "Deployment shop/orders: a restart is under way: its controller has not noticed it yet"


def test_targets_say_which_pods_are_stale(world: KubeWorld) -> None:
    associate(world)
    names = tuple(pod.name for pod in world.reader.list_pods("shop"))
    world.sandbox.delete(kinds.PODS, "shop", names[0])
    world.sleep(3)
    (target,) = find_targets(world.reader, [ORDERS], stale=True)
    assert (str(target.workload), target.pods, target.live, target.obstacle) == (
        "Deployment shop/orders",
        (names[1],),
        2,
        "",
    )
    (target,) = find_targets(world.reader, [ORDERS], stale=False)
    assert len(target.pods) == 2


def test_a_plain_restart_replaces_pods_that_are_not_stale(world: KubeWorld) -> None:
    before = {pod.uid for pod in world.reader.list_pods("shop")}
    report = run(world, stale=False, expect_injected=False)
    assert [outcome.status for outcome in report.outcomes] == [Status.DONE, Status.DONE]
    assert before.isdisjoint(pod.uid for pod in world.reader.list_pods("shop") if not pod.deleting)


def test_pods_that_a_restart_missed_are_restarted_again(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    world.sandbox.faults.webhook_misses = 2
    assert told(run(world)) == [("Deployment shop/orders", "done", "2 of 2 pods are new", 2)]


def test_pods_that_are_missed_again_and_again(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    world.sandbox.faults.webhook_misses = float("inf")
    report = run(world)
    (outcome,) = report.outcomes
    names = ", ".join(pod.name for pod in world.reader.list_pods("shop") if not pod.deleting)
    assert outcome == Outcome(
        target=outcome.target,
        status=Status.FAILED,
        message=f"still without credentials after 3 restarts: {names}",
        restarts=3,
        error_code="StillNotInjected",
    )
    assert report.exit_code is ExitCode.UNAVAILABLE


def test_what_podid_cannot_restart_is_reported_with_what_to_do(world: KubeWorld) -> None:
    only_orders(world)
    world.sandbox.delete(kinds.DEPLOYMENTS, "shop", "orders")
    make(world, kinds.STATEFUL_SETS, "db", **managed(serviceName="db", updateStrategy={"type": "OnDelete"}))
    make(world, kinds.JOBS, "import", template={"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}})
    make(world, kinds.PODS, "bare", **TEMPLATE["spec"])
    make(world, kinds.DEPLOYMENTS, "halted", **managed(paused=False))
    pause = lambda d: {**d, "spec": {**d["spec"], "paused": True}}  # noqa: E731  two words for one test
    world.sandbox.patch(kinds.DEPLOYMENTS, "shop", "halted", pause)
    world.sandbox.run_jobs_with(lambda _: (0, ""))
    associate(world)
    report = run(world)
    assert [(str(o.target.workload), str(o.status), o.message) for o in report.outcomes] == [
        ("Deployment shop/halted", "blocked", "it is paused, so a restart would replace nothing until it is resumed"),
        ("Pod shop/bare", "blocked", "no controller would bring the pod back: delete it and create it again"),
        (
            "StatefulSet shop/db",
            "blocked",
            "its update strategy is OnDelete: its pods are replaced only when they are deleted",
        ),
    ]
    assert [o.target.commands for o in report.outcomes] == [
        (("kubectl", "rollout", "resume", "deployment/halted", "-n", "shop"),),
        (("kubectl", "get", "pod", "bare", "-n", "shop", "-o", "yaml"),),
        (("kubectl", "delete", "pod", "db-0", "-n", "shop"),),
    ]
    assert report.exit_code is ExitCode.CONFLICT


def test_stateful_sets_and_daemon_sets(world: KubeWorld) -> None:
    only_orders(world)
    world.sandbox.delete(kinds.DEPLOYMENTS, "shop", "orders")
    make(world, kinds.STATEFUL_SETS, "db", **managed(serviceName="db", replicas=2))
    template = {**TEMPLATE, "metadata": {"labels": {"app": "y"}}}
    make(world, kinds.DAEMON_SETS, "logs", selector={"matchLabels": {"app": "y"}}, template=template)
    associate(world)
    assert told(run(world)) == [
        ("DaemonSet shop/logs", "done", "3 of 3 pods are new", 1),
        ("StatefulSet shop/db", "done", "2 of 2 pods are new", 1),
    ]


def test_a_missing_right_to_patch_fails_that_workload_only(world: KubeWorld) -> None:
    associate(world)
    rules: list[dict[str, Any]] = [
        {"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"], "namespace": "payments"},
    ]
    world.sandbox.add_user("half-token", "half", rules=rules)
    report = run(world, token="half-token")
    assert [(str(o.target.workload), str(o.status), o.message, o.permission) for o in report.outcomes] == [
        ("Deployment payments/billing-worker", "done", "1 of 1 pods are new", ""),
        (
            "Deployment shop/orders",
            "failed",
            "not allowed to patch deployments.apps in namespace shop",
            "patch deployments.apps in namespace shop",
        ),
    ]
    assert report.exit_code is ExitCode.PARTIAL


def test_without_the_right_to_list_replicasets_a_deployment_is_told_by_its_name(world: KubeWorld) -> None:
    associate(world)
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"], "namespace": "shop"}]
    world.sandbox.add_user("pods-token", "pods", rules=rules)
    reader, _ = world.login("pods-token")
    assert [str(t.workload) for t in find_targets(reader, [ORDERS], stale=True)] == ["Deployment shop/orders"]


def test_a_rollout_that_cannot_finish_in_time(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    world.sandbox.faults.image_pull_failing.add("public.ecr.aws/docker/library/busybox:1.37")
    report = run(world, timeout=60)
    (outcome,) = report.outcomes
    assert (outcome.error_code, outcome.restarts, report.exit_code) == ("TimedOut", 1, ExitCode.UNAVAILABLE)
    assert outcome.message.startswith("not rolled out within 60 s: ")


def test_a_rollout_that_its_controller_gave_up(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    world.sandbox.faults.image_pull_failing.add("public.ecr.aws/docker/library/busybox:1.37")
    report = run(world, timeout=900)
    (outcome,) = report.outcomes
    assert (outcome.status, outcome.error_code, outcome.restarts) == (Status.FAILED, "RolloutFailed", 1)
    assert outcome.message.endswith("has timed out progressing.")
    assert report.exit_code is ExitCode.FAILURE


def test_a_lost_answer_does_not_restart_twice(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    world.sandbox.faults.add(Fault("lose-answer", operation="PATCH */deployments/orders*", times=1))
    before = world.reader.get_workload("Deployment", "shop", "orders").generation
    assert told(run(world)) == [("Deployment shop/orders", "done", "2 of 2 pods are new", 1)]
    assert world.reader.get_workload("Deployment", "shop", "orders").generation == before + 1


def test_no_service_accounts_no_targets(world: KubeWorld) -> None:
    assert find_targets(world.reader, [], stale=True) == ()
