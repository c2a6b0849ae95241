"""What `--wait` promises: none and api say nothing of the effect; effect tells it, or why not, with its own code."""

import math
from typing import Any

import pytest

from cluster_api import Json
from podid.sandbox.faults import Fault
from worlds import Site

WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"
READ_PODS: Json = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
ASSOCIATE = ("associate", "shop/orders", "--role", "shop-orders", "-o", "json")


@pytest.fixture
def ready(site: Site) -> Site:
    site.must("role", "create", "shop-orders", "--for", "shop/orders")
    return site


def effect(document: Any) -> tuple[str, str]:
    return document["effect"]["state"], document["effect"]["how"]


@pytest.mark.parametrize("wait", ["none", "api"])
def test_an_effect_that_nobody_asked_for_is_not_looked_at(ready: Site, wait: str) -> None:
    began = ready.slept
    outcome = ready(*ASSOCIATE, "--wait", wait)
    assert (outcome.code, outcome.json["effect"]) == (0, None)
    assert ready.slept == began
    assert [item["status"] for item in outcome.json["actions"]] == ["done"]


@pytest.mark.parametrize("wait", [(), ("--wait", "effect")], ids=["default", "effect"])
def test_an_effect_that_is_seen(ready: Site, wait: tuple[str, ...]) -> None:
    outcome = ready(*ASSOCIATE, *wait)
    assert outcome.code == 0
    assert effect(outcome.json) == (
        "likely",
        "new pods of shop/orders would be given credentials: seen in 15 dry runs in a row",
    )


@pytest.mark.parametrize(("wait", "code"), [((), 0), (("--wait", "effect"), 9)], ids=["default", "effect"])
def test_without_a_way_into_kubernetes(ready: Site, wait: tuple[str, ...], code: int) -> None:
    ready.half.kube.stop()
    outcome = ready(*ASSOCIATE, *wait)
    state, how = effect(outcome.json)
    assert (outcome.code, state) == (code, "unknown")
    assert how.startswith("the cluster could not be looked at: ")
    assert [item["status"] for item in outcome.json["actions"]] == ["done"]
    text = ready("associate", "shop/orders", "--role", "shop-orders", *wait)
    assert text.code == code
    assert "effect: unknown, the cluster could not be looked at: " in text.stdout


@pytest.mark.encrypted
@pytest.mark.parametrize(("wait", "code"), [((), 0), (("--wait", "effect"), 9)], ids=["default", "effect"])
def test_a_cluster_that_does_not_know_the_caller(ready: Site, wait: tuple[str, ...], code: int) -> None:
    ready.kube.set_principal("arn:aws:iam::111122223333:user/podid-admin", None)
    outcome = ready(*ASSOCIATE, *wait, without=["KUBECONFIG"])
    state, how = effect(outcome.json)
    assert (outcome.code, state) == (code, "unknown")
    assert how == (
        "the cluster could not be looked at: the API server of cluster demo does not know who is calling "
        "(401 Unauthorized)"
    )


@pytest.mark.parametrize(("wait", "code"), [((), 0), (("--wait", "effect"), 9)], ids=["default", "effect"])
def test_without_the_right_to_create_pods(ready: Site, wait: tuple[str, ...], code: int) -> None:
    caller = ready.user("viewer", [READ_PODS])
    outcome = ready(*ASSOCIATE, *wait, env=caller)
    assert outcome.code == code
    assert effect(outcome.json) == (
        "unknown",
        "could not look: not allowed to create pods in namespace shop (needed for a dry run; nothing is created)",
    )


@pytest.mark.parametrize(("wait", "code"), [((), 0), (("--wait", "effect"), 9)], ids=["default", "effect"])
def test_a_service_account_that_does_not_exist_yet(ready: Site, wait: tuple[str, ...], code: int) -> None:
    ready.must("role", "create", "cart", "--for", "shop/cart")
    outcome = ready("associate", "shop/cart", "--role", "cart", "-o", "json", *wait)
    assert outcome.code == code
    assert effect(outcome.json) == (
        "unknown",
        "service account shop/cart does not exist, so no pod can use the association yet",
    )


@pytest.mark.parametrize("wait", [(), ("--wait", "effect")], ids=["default", "effect"])
def test_an_effect_that_does_not_come_in_time(ready: Site, wait: tuple[str, ...]) -> None:
    ready.kube.faults.webhook_misses = math.inf
    began = ready.slept
    outcome = ready(*ASSOCIATE, *wait, "--timeout", "30s")
    assert outcome.code == 7
    assert effect(outcome.json) == (
        "not-in-effect",
        "new pods of shop/orders were not given credentials within 30 s",
    )
    assert ready.slept - began == pytest.approx(30)
    assert [item["status"] for item in outcome.json["actions"]] == ["done"]


@pytest.mark.parametrize("wait", [(), ("--wait", "effect")], ids=["default", "effect"])
def test_a_cluster_without_the_webhook_is_not_waited_for(ready: Site, wait: tuple[str, ...]) -> None:
    ready.cluster.delete(WEBHOOK)
    began = ready.slept
    outcome = ready(*ASSOCIATE, *wait)
    assert outcome.code == 7
    assert effect(outcome.json) == (
        "not-in-effect",
        "pods of shop/orders are not given credentials: the cluster's "
        "MutatingWebhookConfiguration pod-identity-webhook is missing",
    )
    assert ready.slept - began < 20


@pytest.mark.parametrize(("wait", "code"), [((), 0), (("--wait", "effect"), 9)], ids=["default", "effect"])
def test_an_admission_policy_that_refuses_the_test_pod(ready: Site, wait: tuple[str, ...], code: int) -> None:
    message = 'admission webhook "validate.kyverno.svc-fail" denied the request: images must come from our registry'
    ready.kube.faults.add(Fault("fail", operation="POST */namespaces/shop/pods*", status=400, message=message))
    outcome = ready(*ASSOCIATE, *wait)
    state, how = effect(outcome.json)
    assert (outcome.code, state) == (code, "unknown")
    assert how.startswith("the cluster does not let podid's test pod pass: ")
    assert "images must come from our registry" in how


@pytest.mark.parametrize(("wait", "code"), [((), 0), (("--wait", "effect"), 9)], ids=["default", "effect"])
def test_an_api_server_that_stops_answering(ready: Site, wait: tuple[str, ...], code: int) -> None:
    """It answered GET /version, and then no more."""
    ready.kube.faults.add(Fault("fail", operation="POST */namespaces/shop/pods*", status=503, retry_after=60))
    outcome = ready(*ASSOCIATE, *wait)
    state, how = effect(outcome.json)
    assert (outcome.code, state) == (code, "unknown")
    assert how.startswith("could not look: ")


def test_restart_needs_a_way_in_before_anything_is_changed(ready: Site) -> None:
    ready.half.kube.stop()
    outcome = ready(*ASSOCIATE, "--restart")
    assert (outcome.code, outcome.stdout) == (7, "")
    assert ready.must("list", "-o", "json").json["items"] == []
    caller = ready.user("viewer", [READ_PODS])
    ready.half.kube.start(int(ready.kube.endpoint.rsplit(":", 1)[-1]))
    denied = ready(*ASSOCIATE, "--restart", env=caller)
    assert (denied.code, effect(denied.json)[0]) == (8, "unknown")
    assert [(item["kind"], item["status"]) for item in denied.json["actions"]] == [
        ("association", "done"),
        ("restart", "failed"),
    ]


def test_disassociate_waits_until_pods_are_no_longer_given_credentials(ready: Site) -> None:
    ready.must(*ASSOCIATE)
    outcome = ready("disassociate", "shop/orders", "--yes", "-o", "json", "--wait", "effect")
    assert outcome.code == 0
    assert effect(outcome.json) == (
        "likely",
        "new pods of shop/orders would no longer be given credentials: seen in 15 dry runs in a row",
    )
