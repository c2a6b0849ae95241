"""Workloads: pod templates that are patched until the rollout has finished, and pods that a restart replaces."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from checks.builder import healthy, pod, workload
from podid.calls.patience import Clock, Patience
from podid.domain.cluster import OwnerRef
from podid.domain.errors import PodidError, TimedOut
from podid.domain.findings import Subject
from podid.domain.plan import Header, Status
from podid.domain.snapshot import known_or
from podid.kube.rollout import Rollout
from podid.ops.change.kinds import AGENT, POD_TEMPLATE, RESTART
from podid.ops.clients import Clients, Site

ORDERS = Subject(kind="Deployment", namespace="shop", name="orders")


def rollout(**state: Any) -> Rollout:
    return Rollout(kind="Deployment", namespace="shop", name="orders", desired=2, updated=1, available=1, **state)


class Kube:
    """Keep the patches of pod templates, and report a rollout."""

    def __init__(self, *rollouts: Rollout) -> None:
        self.rollouts = list(rollouts)
        self.patches: list[dict[str, Any]] = []

    def patch_pod_template(self, **patch: Any) -> None:
        self.patches.append(patch)

    def get_rollout(self, **_: str) -> Rollout:
        return self.rollouts.pop(0) if len(self.rollouts) > 1 else self.rollouts[0]

    def find_pod_template(self, *_: object) -> None:
        return None


def write(kube: Kube, subject: Subject = ORDERS) -> None:
    before = POD_TEMPLATE.state_of(subject, account="default", annotations={"iam.amazonaws.com/role": "orders"})
    action = POD_TEMPLATE.action(before, POD_TEMPLATE.state_of(subject, account="orders", annotations={"team": "a"}))
    slept: list[float] = []
    clock = Clock(lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: sum(slept), slept.append)
    clients = cast("Clients", SimpleNamespace(kube=SimpleNamespace(reader=kube, writer=kube)))
    site = Site(clients, Header(caller_arn="a", account="111122223333", region="us-west-2", cluster="demo"))
    POD_TEMPLATE.write(site, action, Patience(10, clock, lambda _: None))


def test_a_pod_template_is_patched_and_its_rollout_awaited() -> None:
    kube = Kube(rollout(waiting="1 of 2 pods are updated"), rollout())
    write(kube)
    assert kube.patches == [
        {
            "namespace": "shop",
            "kind": "Deployment",
            "name": "orders",
            "account": "orders",
            "annotations": {"team": "a", "iam.amazonaws.com/role": None},
        }
    ]
    assert len(kube.rollouts) == 1


def test_rollouts_that_do_not_finish() -> None:
    with pytest.raises(PodidError, match="rollout of pod template of Deployment shop/orders failed: no quota"):
        write(Kube(rollout(failed="no quota")))
    with pytest.raises(TimedOut, match="did not finish in time: 1 of 2"):
        write(Kube(rollout(waiting="1 of 2 pods are updated")))
    # these replace no pods by themselves
    write(Kube(rollout(waiting="0 of 2", paused=True)))
    write(Kube(rollout(waiting="0 of 2", on_delete=True)))
    write(Kube(rollout(failed="a Job failed")), Subject(kind="CronJob", namespace="shop", name="orders"))


def test_a_restart_is_predicted_for_the_pods_of_its_workload() -> None:
    snapshot = healthy()
    action = RESTART.action(None, RESTART.state_of(ORDERS))
    planned = RESTART.predict_all(snapshot, [action], snapshot.taken_at)
    old, new = (known_or(item.pods, ()) for item in (snapshot, planned))
    assert [pod.created_at == snapshot.taken_at for pod in new] == [pod.namespace == "shop" for pod in old]
    assert RESTART.detail({"pods": 3, "injected": 2}) == " (2 of 3 pods have the injected fields)"


def test_pods_that_a_partition_keeps_are_not_predicted_as_replaced() -> None:
    owner = OwnerRef("StatefulSet", "orders")
    stateful = tuple(pod(f"orders-{number}", owner=owner) for number in range(3))
    snapshot = healthy(pods=stateful, workloads=(workload("StatefulSet", partition=2),))
    action = RESTART.action(None, RESTART.state_of(Subject("StatefulSet", "orders", "shop")))
    planned = RESTART.predict_all(snapshot, [action], snapshot.taken_at)
    replaced = [item.name for item in known_or(planned.pods, ()) if item.created_at == snapshot.taken_at]
    assert replaced == ["orders-2"]


def test_a_new_service_account_of_a_pod_template_is_predicted() -> None:
    snapshot = healthy()
    action = POD_TEMPLATE.action(
        POD_TEMPLATE.state_of(ORDERS, account="orders"), POD_TEMPLATE.state_of(ORDERS, account="new")
    )
    planned = POD_TEMPLATE.predict(snapshot, action, snapshot.taken_at)
    assert {pod.service_account for pod in known_or(planned.pods, ()) if pod.namespace == "shop"} == {"new"}
    assert [workload.service_account for workload in known_or(planned.workloads, ())] == ["new"]


def test_a_paused_workload_is_predicted_to_keep_its_pods() -> None:
    snapshot = healthy(workloads=(workload(paused=True),))
    action = POD_TEMPLATE.action(
        POD_TEMPLATE.state_of(ORDERS, account="orders"), POD_TEMPLATE.state_of(ORDERS, account="new")
    )
    assert POD_TEMPLATE.predict(snapshot, action, snapshot.taken_at).pods == snapshot.pods


def test_changes_of_workloads_that_cannot_be_undone() -> None:
    restart, agent = RESTART.action(None, RESTART.state_of(ORDERS)), AGENT.action(AGENT.state_of(ORDERS), None)
    assert RESTART.not_undone(restart).startswith("the restart of Deployment shop/orders cannot be undone")
    assert AGENT.not_undone(agent).endswith("keep the manifest of Deployment shop/orders: apply it again")
    assert RESTART.settle(cast("Site", None), restart).status is Status.FAILED
