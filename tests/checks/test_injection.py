"""Link 3: which pods the webhook served, and why it did not serve the others."""

from dataclasses import replace
from datetime import timedelta

import pytest

from podid.checks.base import Check
from podid.checks.injection import (
    State,
    association_propagation_race,
    injection_missed_webhook,
    irsa_env_still_active,
    pod_predates_association,
    state_of,
)
from podid.domain.model import Container, OwnerRef, Pod
from podid.domain.snapshot import Snapshot

from .builder import agent_pod, ago, association, bare, healthy, node, pod, workload
from .grid import DENIED, answers, verdicts

MADE = association().created_at
assert MADE is not None
OLD = bare(pod(), created_at=MADE - timedelta(hours=1))
RACED = bare(pod(), created_at=MADE + timedelta(seconds=30))
MISSED = bare(pod())
IRSA = replace(
    OLD,
    containers=(Container(name="app", image="x", env={"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": "r"}),),
    volumes=("aws-iam-token",),
)
RULES = (pod_predates_association, association_propagation_race, injection_missed_webhook, irsa_env_still_active)


@pytest.mark.parametrize(
    ("subject", "state"),
    [
        (pod(), State.INJECTED),
        (replace(pod(), created_at=MADE - timedelta(days=9)), State.INJECTED),
        (OLD, State.PREDATES),
        (bare(pod(), created_at=MADE - timedelta(seconds=1)), State.PREDATES),
        (bare(pod(), created_at=MADE), State.RACED),
        (RACED, State.RACED),
        (bare(pod(), created_at=MADE + timedelta(seconds=61)), State.MISSED),
        (IRSA, State.IRSA),
        (replace(OLD, phase="Succeeded"), State.ENDED),
        (replace(OLD, phase="Failed"), State.ENDED),
        (replace(OLD, deleting=True), State.ENDED),
        (replace(OLD, phase="Pending"), State.PREDATES),
        (replace(OLD, annotations={"kubernetes.io/config.mirror": "x"}), State.OPTED_OUT),
        (replace(OLD, annotations={"eks.amazonaws.com/skip-containers": "other, app"}), State.OPTED_OUT),
        (replace(OLD, labels={"eks.amazonaws.com/skip-pod-identity-webhook": ""}), State.OPTED_OUT),
        (replace(OLD, node="win"), State.NO_AGENT_POSSIBLE),
        (replace(OLD, node="fargate-ip-10-0-0-1"), State.NO_AGENT_POSSIBLE),
        (replace(OLD, labels={"eks.amazonaws.com/fargate-profile": "p"}), State.NO_AGENT_POSSIBLE),
        (agent_pod(created_at=ago(days=9)), State.OPTED_OUT),
    ],
)
def test_every_pod_is_in_one_state(subject: Pod, state: State) -> None:
    assert state_of(subject, association(), {"win": node("win", os="windows")}) is state


def test_a_change_of_the_association_opens_the_window_again() -> None:
    changed = association(modified_at=ago(hours=5, seconds=20))
    assert state_of(MISSED, changed, {}) is State.RACED
    assert state_of(MISSED, association(created_at=None, modified_at=None), {}) is State.UNDATED


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (OLD, pod_predates_association),
        (RACED, association_propagation_race),
        (MISSED, injection_missed_webhook),
        (IRSA, irsa_env_still_active),
    ],
)
def test_one_broken_pod_is_one_finding_of_one_check(broken: Pod, rule: Check) -> None:
    snapshot = healthy(pods=(broken,))
    failing = {r.id: [a for a in answers(r, snapshot) if a[0] == "fail"] for r in RULES}
    assert failing == {r.id: [] for r in RULES} | {rule.id: [("fail", "error", "Deployment shop/orders")]}
    assert [a for a in answers(rule, healthy()) if a[0] != "pass"] == []
    assert {a[0] for a in answers(rule, healthy(pods=DENIED))} == {"unknown"}


def test_stale_pods_are_counted_per_workload() -> None:
    young = pod("orders-5d9c-new")
    (verdict,) = verdicts(pod_predates_association, healthy(pods=(OLD, young)))
    assert verdict.message == "1 of 2 pod(s) started before the association existed, so they carry no credentials"
    assert verdict.evidence == (
        "pods: orders-5d9c-x1",
        "association a-orders created 2026-11-22T12:00:00+00:00, oldest of these pods 2026-11-22T11:00:00+00:00",
    )
    assert verdict.fix is not None
    assert verdict.fix.commands == (("podid", "restart", "shop/orders", "--cluster", "prod"),)


def test_what_a_restart_cannot_replace_is_said() -> None:
    stateful = replace(OLD, owner=OwnerRef("StatefulSet", "db"), name="db-0")
    on_delete = workload("StatefulSet", "db", on_delete=True)
    (verdict,) = verdicts(pod_predates_association, healthy(pods=(stateful,), workloads=(on_delete,)))
    assert verdict.fix is not None
    assert verdict.fix.commands == (("kubectl", "-n", "shop", "delete", "pod", "db-0"),)
    (bare_pod,) = verdicts(pod_predates_association, healthy(pods=(replace(OLD, owner=None),)))
    assert bare_pod.evidence[-1] == "nothing restarts a Pod: delete it and create it again"


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (healthy(), ("pass", "error")),
        (healthy(webhook_present=False), ("fail", "error")),
        (healthy(webhook_present=DENIED), ("unknown", "error")),
        (healthy(webhook_present=False, associations=()), ("not-applicable", "error")),
    ],
)
def test_the_webhook_itself(snapshot: Snapshot, expected: tuple[str, str]) -> None:
    subject = "MutatingWebhookConfiguration pod-identity-webhook"
    assert (*expected, subject) in answers(injection_missed_webhook, snapshot)


def test_an_association_without_a_date_leaves_bare_pods_undecided() -> None:
    snapshot = healthy(associations=(association(created_at=None),), pods=(MISSED,))
    assert answers(pod_predates_association, snapshot) == [("unknown", "error", "Deployment shop/orders")]
