"""Link 3: which pods the webhook served, and why it did not serve the others."""

import shlex
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from harness import table
from podid.domain.cluster import Container, OwnerRef, Pod
from podid.domain.evidence import RecentChanges
from podid.domain.network import Selector
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import WebhookRegistration
from podid.facts.injection import PodState, state_of

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
RULES = (
    "pod-predates-association",
    "association-propagation-race",
    "injection-missed-webhook",
    "irsa-env-still-active",
)


@table(
    ("subject", "state"),
    [
        (pod(), PodState.INJECTED),
        (replace(pod(), created_at=MADE - timedelta(days=9)), PodState.INJECTED),
        (OLD, PodState.PREDATES),
        (bare(pod(), created_at=MADE - timedelta(seconds=1)), PodState.PREDATES),
        (bare(pod(), created_at=MADE), PodState.RACED),
        (RACED, PodState.RACED),
        (bare(pod(), created_at=MADE + timedelta(seconds=61)), PodState.MISSED),
        (IRSA, PodState.IRSA),
        (replace(OLD, phase="Succeeded"), PodState.ENDED),
        (replace(OLD, phase="Failed"), PodState.ENDED),
        (replace(OLD, deleting=True), PodState.ENDED),
        (replace(OLD, phase="Pending"), PodState.PREDATES),
        (replace(OLD, annotations={"kubernetes.io/config.mirror": "x"}), PodState.OPTED_OUT),
        (replace(OLD, annotations={"eks.amazonaws.com/skip-containers": "other, app"}), PodState.OPTED_OUT),
        (replace(OLD, labels={"eks.amazonaws.com/skip-pod-identity-webhook": ""}), PodState.OPTED_OUT),
        (replace(OLD, node="win"), PodState.NO_AGENT_POSSIBLE),
        (replace(OLD, node="fargate-ip-10-0-0-1"), PodState.NO_AGENT_POSSIBLE),
        (replace(OLD, labels={"eks.amazonaws.com/fargate-profile": "p"}), PodState.NO_AGENT_POSSIBLE),
        (agent_pod(created_at=ago(days=9)), PodState.OPTED_OUT),
    ],
)
def test_every_pod_is_in_one_state(subject: Pod, state: PodState) -> None:
    assert state_of(subject, association(), {"win": node("win", os="windows")}) is state


def test_a_change_of_the_association_opens_the_window_again() -> None:
    changed = association(modified_at=ago(hours=5, seconds=20))
    assert state_of(MISSED, changed, {}) is PodState.RACED
    assert state_of(MISSED, association(created_at=None, modified_at=None), {}) is PodState.UNDATED


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


def test_stale_pods_are_counted_per_workload() -> None:
    young = pod("orders-5d9c-new")
    (verdict,) = verdicts("pod-predates-association", healthy(pods=(OLD, young)))
    assert verdict.message == "1 of 2 pods started before the association existed, so no credentials were injected"
    assert verdict.evidence == (
        "pods: orders-5d9c-x1",
        "created: association a-orders 2026-11-22T12:00:00Z, oldest of these pods 2026-11-22T11:00:00Z",
    )
    assert verdict.fix is not None
    assert verdict.fix.commands == (("podid", "restart", "shop/orders", "--cluster", "prod"),)


@pytest.mark.parametrize(
    ("owner", "changes", "said", "commands"),
    [
        ("StatefulSet", {"on_delete": True}, "OnDelete", ("kubectl -n shop delete pod POD",)),
        ("Deployment", {"paused": True}, "its rollout is paused", ("kubectl -n shop rollout resume deployment/OWNER",)),
        ("ReplicaSet", None, "a ReplicaSet has no rollout", ("kubectl -n shop delete pod POD",)),
        ("Job", None, "the pods of a Job are not replaced", ()),
        ("", None, "no controller replaces the pod", ("kubectl -n shop get pod POD -o yaml",)),
    ],
)
def test_what_a_restart_cannot_replace_is_said_as_restart_says_it(
    owner: str, changes: dict[str, bool] | None, said: str, commands: tuple[str, ...]
) -> None:
    old = replace(OLD, owner=OwnerRef(owner, "it") if owner else None)
    kept = () if changes is None else (workload(owner, "it", **changes),)
    (verdict,) = verdicts("pod-predates-association", healthy(pods=(old,), workloads=kept))
    assert said in verdict.evidence[-1]
    given = tuple(shlex.join(command) for command in verdict.fix.commands) if verdict.fix else ()
    assert given == tuple(line.replace("POD", old.name).replace("OWNER", "it") for line in commands)


@table(
    ("webhook", "until"),
    [
        (None, "the webhook is registered again"),
        (WebhookRegistration(on_create=False), "the webhook is called for new pods again"),
        (WebhookRegistration(objects=Selector({"inject": "true"})), "the webhook's objectSelector includes them"),
    ],
)
@table(("broken", "rule"), [(OLD, "pod-predates-association"), (MISSED, "injection-missed-webhook")])
def test_no_restart_while_new_pods_would_get_nothing(
    webhook: WebhookRegistration | None, until: str, broken: Pod, rule: str
) -> None:
    found = verdicts(rule, healthy(pods=(broken,), webhook=webhook))
    (verdict,) = [each for each in found if each.outcome.value == "fail" and each.subject.kind == "Deployment"]
    assert until in verdict.evidence[-1]
    assert verdict.fix is None or not verdict.fix.commands


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (healthy(), ("pass", "error")),
        (healthy(webhook=None), ("fail", "error")),
        (healthy(webhook=DENIED), ("unknown", "error")),
        (healthy(webhook=None, associations=()), ("not-applicable", "error")),
    ],
)
def test_the_webhook_itself(snapshot: Snapshot, expected: tuple[str, str]) -> None:
    subject = "MutatingWebhookConfiguration pod-identity-webhook"
    assert (*expected, subject) in answers("injection-missed-webhook", snapshot)


def test_an_association_without_a_date_leaves_bare_pods_undecided() -> None:
    snapshot = healthy(associations=(association(created_at=None),), pods=(MISSED,))
    assert answers("pod-predates-association", snapshot) == [("unknown", "error", "Deployment shop/orders")]


@table(
    ("changed", "started", "expected"),
    [
        (ago(hours=4), ago(hours=5), ("fail", "warn")),
        (ago(hours=4), ago(hours=3), ("pass", "warn")),
        # Kubernetes cuts to whole seconds, EKS does not
        (ago(hours=4) + timedelta(milliseconds=900), ago(hours=4), ("pass", "warn")),
        (ago(hours=7), ago(hours=8), ("pass", "warn")),
        (ago(days=2), ago(hours=5), ("pass", "warn")),
        (None, ago(hours=5), ("pass", "warn")),
    ],
)
def test_pods_from_before_a_change(changed: datetime | None, started: datetime, expected: tuple[str, str]) -> None:
    snapshot = healthy(associations=(association(modified_at=changed),), pods=(pod(created_at=started),))
    assert answers("cached-credentials-after-change", snapshot) == [(*expected, "Deployment shop/orders")]


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ({"shop/orders": ago(hours=4)}, "pass"),
        # the time of EKS's answer, by the clock here
        ({"shop/orders": ago(hours=4, seconds=-2)}, "pass"),
        # EKS has a later change than that
        ({"shop/orders": ago(hours=4, minutes=1)}, "fail"),
        ({"shop/cart": ago(hours=4)}, "fail"),
    ],
)
def test_a_change_of_podids_own_that_kept_the_role_is_none(kept: dict[str, datetime], expected: str) -> None:
    changes = RecentChanges(kept_role=kept)
    snapshot = healthy(associations=(association(modified_at=ago(hours=4)),), changes=changes)
    assert answers("cached-credentials-after-change", snapshot) == [(expected, "warn", "Deployment shop/orders")]


def test_a_pod_without_the_fields_is_judged_elsewhere() -> None:
    snapshot = healthy(associations=(association(modified_at=ago(hours=4)),), pods=(bare(pod()),))
    assert [outcome for outcome, _, _ in answers("cached-credentials-after-change", snapshot)] == ["not-applicable"]
