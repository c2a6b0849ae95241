"""Pods without injected credentials, and the commands that replace them."""

import shlex
from dataclasses import replace

import pytest

from checks.builder import DENIED, healthy, workload
from checks.grid import answers, verdicts
from checks.pods import IRSA, MISSED, OLD, RACED
from harness import table
from podid.domain.cluster import OwnerRef, Pod
from podid.domain.network import Selector
from podid.domain.workloads import WebhookRegistration

RULES = (
    "pod-predates-association",
    "association-propagation-race",
    "injection-missed-webhook",
    "irsa-env-still-active",
)


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (OLD, "pod-predates-association"),
        (RACED, "association-propagation-race"),
        (MISSED, "injection-missed-webhook"),
        (IRSA, "irsa-env-still-active"),
    ],
)
def test_one_broken_pod_is_one_finding_of_one_check(broken: Pod, rule: str) -> None:
    snapshot = healthy(pods=(broken,))
    failing = {r: [a for a in answers(r, snapshot) if a[0] == "fail"] for r in RULES}
    assert failing == {r: [] for r in RULES} | {rule: [("fail", "error", "Deployment shop/orders")]}
    assert [a for a in answers(rule, healthy()) if a[0] != "pass"] == []
    assert {a[0] for a in answers(rule, healthy(pods=DENIED))} == {"unknown"}


@pytest.mark.parametrize(
    ("owner", "changes", "reason", "commands"),
    [
        ("StatefulSet", {"on_delete": True}, "OnDelete", ("kubectl -n shop delete pod POD",)),
        ("Deployment", {"paused": True}, "its rollout is paused", ("kubectl -n shop rollout resume deployment/OWNER",)),
        ("ReplicaSet", None, "a ReplicaSet has no rollout", ("kubectl -n shop delete pod POD",)),
        ("Job", None, "the pods of a Job are not replaced", ()),
        ("", None, "no controller replaces the pod", ("kubectl -n shop get pod POD -o yaml",)),
    ],
)
def test_pods_that_a_restart_cannot_replace(
    owner: str, changes: dict[str, bool] | None, reason: str, commands: tuple[str, ...]
) -> None:
    old = replace(OLD, owner=OwnerRef(owner, "it") if owner else None)
    workloads = () if changes is None else (workload(owner, "it", **changes),)
    (verdict,) = verdicts("pod-predates-association", healthy(pods=(old,), workloads=workloads))
    assert reason in verdict.evidence[-1]
    commands_of_fix = tuple(shlex.join(command) for command in verdict.fix.commands) if verdict.fix else ()
    assert commands_of_fix == tuple(line.replace("POD", old.name).replace("OWNER", "it") for line in commands)


def test_pods_below_the_partition_of_a_stateful_set_are_not_replaced_by_a_restart() -> None:
    old = replace(OLD, name="it-1", owner=OwnerRef("StatefulSet", "it"))
    found = [
        verdicts("pod-predates-association", healthy(pods=(old,), workloads=(workload("StatefulSet", "it", **more),)))
        for more in ({"partition": 2}, {"partition": 1})
    ]
    words = [[word for verdict in each if verdict.fix for word in verdict.fix.commands[0][:4]] for each in found]
    assert words == [["kubectl", "-n", "shop", "patch"], ["podid", "restart", "shop/orders", "--cluster"]]


@table(
    ("webhook", "until"),
    [
        (None, "the webhook is registered again"),
        (WebhookRegistration(on_create=False), "the webhook is called for new pods again"),
        (WebhookRegistration(objects=Selector({"inject": "true"})), "the webhook's objectSelector includes them"),
    ],
)
@table(("broken", "rule"), [(OLD, "pod-predates-association"), (MISSED, "injection-missed-webhook")])
def test_no_restart_while_new_pods_would_get_no_credentials(
    webhook: WebhookRegistration | None, until: str, broken: Pod, rule: str
) -> None:
    answered = verdicts(rule, healthy(pods=(broken,), webhook=webhook))
    (verdict,) = [item for item in answered if item.outcome.value == "fail" and item.subject.kind == "Deployment"]
    assert until in verdict.evidence[-1]
    assert verdict.fix is None or not verdict.fix.commands
