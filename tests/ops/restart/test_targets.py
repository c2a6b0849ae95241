"""Workloads to restart, and those that podid cannot restart."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from ops.restart.worlds import associate, only_orders
from podid.checks.all import BY_ID
from podid.domain.cluster import OwnerRef
from podid.domain.findings import Bearing
from podid.domain.names import ServiceAccountRef
from podid.kube.reader import KubeReader
from podid.ops.restart.targets import find_targets
from podid.sandbox.breaks.table import BREAKS
from podid.sandbox.kube import kinds
from worlds import ORDERS, KubeWorld, Site


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
        None,
    )
    (target,) = find_targets(world.reader, [ORDERS], stale=False)
    assert len(target.pods) == 2


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("Rollout", "kubectl argo rollouts restart broker -n shop"),
        ("StrimziPodSet", "kubectl -n shop annotate strimzipodset broker strimzi.io/manual-rolling-update=true"),
        ("Whatever", ""),
        ("ReplicationController", "kubectl -n shop delete pod POD"),
    ],
)
def test_pods_of_an_operator_have_a_hint(world: KubeWorld, kind: str, hint: str) -> None:
    only_orders(world)
    pod = replace(world.reader.list_pods("shop", service_account="orders")[0], owner=OwnerRef(kind, "broker", "u-1"))
    reader = cast("KubeReader", SimpleNamespace(list_pods=lambda *_, **__: (pod,)))
    (target,) = find_targets(reader, [ORDERS], stale=True)
    assert str(target.workload) == f"{kind} shop/broker"
    assert target.obstacle is not None
    assert target.obstacle.hint == tuple(hint.replace("POD", pod.name).split())


def test_without_replicasets_the_name_of_a_pod_shows_its_deployment(world: KubeWorld) -> None:
    associate(world)
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"], "namespace": "shop"}]
    world.sandbox.add_user("pods-token", "pods", rules=rules)
    reader, _ = world.login("pods-token")
    assert [str(t.workload) for t in find_targets(reader, [ORDERS], stale=True)] == ["Deployment shop/orders"]


def test_owners_of_several_namespaces_are_listed_at_the_same_time(
    world: KubeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    together, list_owners = threading.Barrier(2), KubeReader.list_owners

    def looking(self: KubeReader, namespace: str, kind: str) -> Mapping[str, OwnerRef]:
        together.wait(20)
        return list_owners(self, namespace, kind)

    monkeypatch.setattr(KubeReader, "list_owners", looking)
    refs = [ORDERS, ServiceAccountRef("payments", "billing-worker")]
    result = find_targets(world.reader, refs, stale=False)
    assert [str(target.workload) for target in result] == [
        "Deployment payments/billing-worker",
        "Deployment shop/orders",
    ]


def test_no_service_accounts_no_targets(world: KubeWorld) -> None:
    assert find_targets(world.reader, [], stale=True) == ()


@pytest.mark.parametrize("mode", [mode for mode in BREAKS if BY_ID[mode].bearing is Bearing.RESTART])
def test_restart_of_stale_pods_ends_every_stale_state(shared: Site, mode: str) -> None:
    shared.box.failures.put(mode)
    try:
        before = {item["id"] for item in shared("status", "-o", "json").json["items"] if item["state"] == "stale"}
        outcome = shared("restart", "-A", "--stale", "--yes")
        after = {item["state"] for item in shared("status", "-o", "json").json["items"]}
    finally:
        shared.box.failures.heal()
    assert (before, outcome.code, after) == ({mode}, 0, {"ready"}), outcome
