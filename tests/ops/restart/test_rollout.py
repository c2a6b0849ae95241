"""Restarts of workloads, by controllers that replace the pods."""

from functools import partial
from typing import Any

import pytest

from cluster_api import Json
from ops.restart.worlds import BILLING, associate, new, only_orders
from podid.domain.errors import AccessDenied, ExitCode, TimedOut, Unavailable
from podid.domain.plan import ChangeResult, Header, Plan, Status
from podid.domain.workloads import is_injected
from podid.kube.rollout import Rollout
from podid.ops.change.kinds import RESTART
from podid.ops.restart.rollout import restart
from podid.ops.restart.targets import find_targets
from podid.sandbox.faults import Fault
from podid.sandbox.kube import kinds
from podid.sandbox.kube.kinds import KubeKind
from worlds import ORDERS, KubeWorld

HEADER = Header(caller_arn="", account="111122223333", region="us-west-2", cluster="demo")
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "x"}},
    "spec": {"serviceAccountName": "orders", "containers": [{"name": "app", "image": "busybox"}]},
}


def run(
    world: KubeWorld, *, stale: bool = True, token: str = "", timeout: float = 300, expect_injected: bool = True
) -> ChangeResult:
    kube = world.access(token)
    targets = find_targets(kube.reader, [ORDERS, BILLING], stale=stale, expect_injected=expect_injected)
    plan = Plan(header=HEADER, actions=tuple(target.action for target in targets))
    return ChangeResult(plan=plan, done=restart(kube, targets, world.patience(timeout)))


def outcomes(world: KubeWorld, result: ChangeResult) -> list[tuple[str, str, str, int]]:
    """Return the workload, the status, the reason and the number of patches of each restart."""
    return [
        (
            RESTART.subject(item.action),
            str(item.status),
            item.reason,
            sum(text.startswith(f"{RESTART.subject(item.action)}: rolling out") for text in world.messages),
        )
        for item in result.done
    ]


def generation_of(world: KubeWorld) -> int:
    (orders,) = (row for row in world.reader.list_workloads("shop") if (row.kind, row.name) == ("Deployment", "orders"))
    return orders.generation


def make(world: KubeWorld, kind: KubeKind, name: str, **spec: Any) -> None:
    world.sandbox.create(kind, {"metadata": {"name": name, "namespace": "shop"}, "spec": spec})
    world.sleep(5)


def managed(**more: Any) -> dict[str, Any]:
    return {"selector": {"matchLabels": {"app": "x"}}, "template": TEMPLATE, **more}


def test_stale_pods_are_replaced_by_injected_ones(world: KubeWorld) -> None:
    before = {pod.uid for pod in world.reader.list_pods("shop")}
    associate(world)
    report = run(world)
    assert outcomes(world, report) == [
        ("Deployment payments/billing-worker", "done", new(1), 1),
        ("Deployment shop/orders", "done", new(2), 1),
    ]
    assert report.exit_code is ExitCode.OK
    after = [pod for pod in world.reader.list_pods("shop") if not pod.deleting]
    assert len(after) == 2
    assert all(map(is_injected, after))
    assert before.isdisjoint(pod.uid for pod in after)


def test_a_second_run_finds_nothing_to_do(world: KubeWorld) -> None:
    associate(world)
    run(world)
    generation = generation_of(world)
    assert run(world).done == ()
    assert generation_of(world) == generation


def test_a_rollout_in_progress_is_waited_for(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    world.writer.restart("Deployment", "shop", "orders", at=world.now())
    assert [t.pods for t in find_targets(world.reader, [ORDERS], stale=True)] != []
    generation = generation_of(world)
    assert outcomes(world, run(world)) == [("Deployment shop/orders", "done", new(2), 0)]
    assert generation_of(world) == generation
    assert (
        world.messages[0]
        == "Deployment shop/orders: a restart is in progress: the controller has not observed the change yet"
    )


def test_a_plain_restart_replaces_pods_that_are_not_stale(world: KubeWorld) -> None:
    associate(world)
    run(world)
    before = {pod.uid for pod in world.reader.list_pods("shop")}
    report = run(world, stale=False)
    assert [item.status for item in report.done] == [Status.DONE, Status.DONE]
    assert before.isdisjoint(pod.uid for pod in world.reader.list_pods("shop") if not pod.deleting)


def test_pods_that_a_restart_missed_are_restarted_again(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    world.sandbox.faults.webhook_misses = 2
    assert outcomes(world, run(world)) == [("Deployment shop/orders", "done", new(2), 2)]


def test_a_webhook_that_never_serves_the_pods(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    world.sandbox.faults.webhook_misses = float("inf")
    report = run(world)
    names = ", ".join(pod.name for pod in world.reader.list_pods("shop") if not pod.deleting)
    still = f"2 of 2 pods still have no credentials after 3 restarts: {names}"
    assert outcomes(world, report) == [("Deployment shop/orders", "failed", still, 3)]
    assert report.exit_code is ExitCode.UNAVAILABLE


def test_a_blocked_restart_has_the_alternative_as_hint(world: KubeWorld) -> None:
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
    assert [line[:3] for line in outcomes(world, report)] == [
        (
            "Deployment shop/halted",
            "blocked",
            "its rollout is paused, so a restart replaces no pods until it is resumed",
        ),
        ("Pod shop/bare", "blocked", "no controller replaces the pod: delete it and create it again"),
        (
            "StatefulSet shop/db",
            "blocked",
            "its update strategy is OnDelete: its pods are replaced only when they are deleted (podid restart --evict)",
        ),
    ]
    assert [item.error and item.error.hint for item in report.done] == [
        ("kubectl", "-n", "shop", "rollout", "resume", "deployment/halted"),
        ("kubectl", "-n", "shop", "get", "pod", "bare", "-o", "yaml"),
        ("kubectl", "-n", "shop", "delete", "pod", "db-0"),
    ]
    assert report.exit_code is ExitCode.CONFLICT


def test_stateful_sets_and_daemon_sets(world: KubeWorld) -> None:
    only_orders(world)
    world.sandbox.delete(kinds.DEPLOYMENTS, "shop", "orders")
    make(world, kinds.STATEFUL_SETS, "db", **managed(serviceName="db", replicas=2))
    template = {**TEMPLATE, "metadata": {"labels": {"app": "y"}}}
    make(world, kinds.DAEMON_SETS, "logs", selector={"matchLabels": {"app": "y"}}, template=template)
    associate(world)
    assert outcomes(world, run(world)) == [
        ("DaemonSet shop/logs", "done", new(3), 1),
        ("StatefulSet shop/db", "done", new(2), 1),
    ]


def test_a_missing_permission_to_patch_fails_that_workload_only(world: KubeWorld) -> None:
    associate(world)
    rules: list[dict[str, Any]] = [
        {"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"], "namespace": "payments"},
    ]
    world.sandbox.add_user("half-token", "half", rules=rules)
    report = run(world, token="half-token")
    assert outcomes(world, report) == [
        ("Deployment payments/billing-worker", "done", new(1), 1),
        (
            "Deployment shop/orders",
            "failed",
            "the caller is not authorized to patch deployments.apps in namespace shop",
            0,
        ),
    ]
    denied = report.done[1].error
    assert isinstance(denied, AccessDenied)
    assert denied.permission == "patch deployments.apps in namespace shop"
    assert report.exit_code is ExitCode.PARTIAL


def test_a_rollout_that_cannot_finish_in_time(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    world.sandbox.faults.image_pull_failing.add("public.ecr.aws/docker/library/busybox:1.37")
    report = run(world, timeout=60)
    ((_, status, message, restarts),) = outcomes(world, report)
    assert (status, restarts, report.exit_code) == ("failed", 1, ExitCode.UNAVAILABLE)
    assert message.startswith("the rollout did not finish within 60 s: ")
    assert isinstance(report.done[0].error, TimedOut)


@pytest.mark.parametrize("kind", [kinds.STATEFUL_SETS, kinds.DAEMON_SETS, kinds.DEPLOYMENTS], ids=lambda k: k.name)
@pytest.mark.parametrize("more", [(), ("events",)], ids=["no events", "events"])
def test_a_rollout_whose_pods_cannot_be_created(world: KubeWorld, kind: KubeKind, more: tuple[str, ...]) -> None:
    """The status of a Deployment has the reason, the others have only events, which not every caller can read."""
    associate(world)
    for name in ("orders", "billing-worker"):
        namespace = "shop" if name == "orders" else "payments"
        world.sandbox.delete(kinds.DEPLOYMENTS, namespace, name)
    make(world, kind, "orders", **managed(replicas=1, serviceName="orders"))

    def enforced(space: Json) -> Json:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        return {**space, "metadata": {**space["metadata"], "labels": labels}}

    world.sandbox.patch(kinds.NAMESPACES, "", "shop", enforced)
    rule = {
        "apiGroups": ["", "apps"],
        "resources": ["pods", "replicasets", kind.plural, *more],
        "verbs": ["get", "list", "patch", "create"],
    }
    world.sandbox.add_user("operator-token", "operator", rules=[rule])
    report = run(world, stale=False, token="operator-token", timeout=60)
    ((_, status, message, _),) = outcomes(world, report)
    assert (status, "pods are updated" in message) == ("failed", True)
    known = bool(more) or kind is kinds.DEPLOYMENTS
    assert ('violates PodSecurity "restricted:latest"' in message) is known, message


def test_a_rollout_that_its_controller_gave_up(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    world.sandbox.faults.image_pull_failing.add("public.ecr.aws/docker/library/busybox:1.37")
    report = run(world, timeout=900)
    ((_, status, message, restarts),) = outcomes(world, report)
    assert (status, restarts) == ("failed", 1)
    assert message.endswith("has timed out progressing.")
    assert report.exit_code is ExitCode.FAILURE


def test_a_lost_answer_does_not_restart_twice(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    world.sandbox.faults.add(Fault("lose-answer", operation="PATCH */deployments/orders*", times=1))
    before = generation_of(world)
    assert outcomes(world, run(world)) == [("Deployment shop/orders", "done", new(2), 1)]
    assert generation_of(world) == before + 1


def test_a_rollout_whose_end_cannot_be_observed_was_started_nevertheless(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    kube, before = world.access(""), generation_of(world)
    targets = find_targets(kube.reader, [ORDERS], stale=True, expect_injected=True)
    read = kube.reader.get_rollout
    answers = iter([read])

    def once(kind: str, namespace: str, name: str) -> Rollout:
        return next(answers, _unreachable)(kind, namespace, name)

    kube.reader.get_rollout = once  # type: ignore[method-assign]
    (done,) = restart(kube, targets, world.patience(300))
    assert (done.status, generation_of(world)) == (Status.FAILED, before + 1)
    assert done.reason == "it was started, but its end was not observed: the API server cannot be reached"


def test_a_rollout_is_awaited_while_the_api_server_restarts(world: KubeWorld) -> None:
    associate(world)
    only_orders(world)
    kube = world.access("")
    targets = find_targets(kube.reader, [ORDERS], stale=True, expect_injected=True)
    read, patch = kube.reader.get_rollout, kube.writer.restart
    reads, patches = (iter([_unreachable] * 10) for _ in range(2))
    kube.reader.get_rollout = lambda *place: next(reads, read)(*place)  # type: ignore[method-assign]
    kube.writer.restart = lambda *place, at: next(patches, partial(patch, at=at))(*place)  # type: ignore[method-assign]
    (done,) = restart(kube, targets, world.patience(300))
    assert (done.status, done.reason) == (Status.DONE, new(2))


def _unreachable(kind: str, namespace: str, name: str) -> Rollout:
    raise Unavailable("the API server cannot be reached")
