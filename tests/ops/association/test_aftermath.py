"""What `--wait` promises: none and api check nothing; a state is waited for, or told why not, with its own code."""

import math
from typing import Any

import pytest

from cluster_api import Json
from podid.sandbox.faults import Fault
from worlds import ORDERS, Site, trust_for

WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"
READ_PODS: Json = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
ASSOCIATE = ("associate", "shop/orders", "--role", "shop-orders", "-o", "json")


@pytest.fixture
def ready(site: Site) -> Site:
    site.with_agent()
    site.must("role", "create", "shop-orders", "--for", "shop/orders")
    return site


def new_pods(document: Any) -> tuple[str | None, str | None]:
    """The state of the one identity's new pods, and the failure mode behind it."""
    (status,) = document["after"]
    return status["newPod"]["state"], status["newPod"]["id"]


BOTH = pytest.mark.parametrize("wait", [(), ("--wait", "ready")], ids=["default", "ready"])
UNJUDGED = pytest.mark.parametrize(("wait", "code"), [((), 0), (("--wait", "ready"), 9)], ids=["default", "ready"])


@pytest.mark.parametrize("wait", ["none", "api"])
def test_what_nobody_asked_for_is_not_checked(ready: Site, wait: str) -> None:
    began = ready.slept
    outcome = ready(*ASSOCIATE, "--wait", wait)
    assert (outcome.code, outcome.json["after"]) == (0, [])
    assert ready.slept == began
    assert [item["status"] for item in outcome.json["actions"]] == ["done"]


@BOTH
def test_a_state_that_is_reached(ready: Site, wait: tuple[str, ...]) -> None:
    outcome = ready(*ASSOCIATE, *wait)
    assert (outcome.code, new_pods(outcome.json)) == (0, ("ready", None))
    # dry-run pods of five rounds agree
    assert ready.slept >= 8


@UNJUDGED
def test_without_a_way_into_kubernetes(ready: Site, wait: tuple[str, ...], code: int) -> None:
    ready.half.kube.stop()
    outcome = ready(*ASSOCIATE, *wait)
    assert outcome.code == code
    assert outcome.json["unchecked"].startswith("the cluster was not checked: ")
    assert [item["status"] for item in outcome.json["actions"]] == ["done"]
    text = ready("associate", "shop/orders", "--role", "shop-orders", *wait)
    assert text.code == code
    assert "the cluster was not checked: " in text.stdout


@pytest.mark.encrypted
@UNJUDGED
def test_a_cluster_that_does_not_know_the_caller(ready: Site, wait: tuple[str, ...], code: int) -> None:
    ready.kube.set_principal("arn:aws:iam::111122223333:user/podid-admin", None)
    outcome = ready(*ASSOCIATE, *wait, without=["KUBECONFIG"])
    assert outcome.code == code
    assert outcome.json["unchecked"] == (
        "the cluster was not checked: the API server of cluster demo does not recognize the caller (401 Unauthorized)"
    )


@UNJUDGED
def test_with_few_permissions(ready: Site, wait: tuple[str, ...], code: int) -> None:
    caller = ready.user("viewer", [READ_PODS])
    outcome = ready(*ASSOCIATE, *wait, env=caller)
    assert (outcome.code, new_pods(outcome.json)[0]) == (code, "unknown")


@BOTH
def test_without_the_permission_to_create_pods(ready: Site, wait: tuple[str, ...]) -> None:
    """Then the webhook's registration tells."""
    ready.kube.faults.add(Fault("fail", operation="POST */namespaces/shop/pods*", status=403, message="forbidden"))
    outcome = ready(*ASSOCIATE, *wait)
    assert (outcome.code, new_pods(outcome.json)) == (0, ("ready", None))


@UNJUDGED
def test_a_service_account_that_does_not_exist_yet(ready: Site, wait: tuple[str, ...], code: int) -> None:
    ready.must("role", "create", "cart", "--for", "shop/cart")
    outcome = ready("associate", "shop/cart", "--role", "cart", "-o", "json", *wait)
    assert (outcome.code, new_pods(outcome.json)) == (code, ("doubtful", "association-sa-not-found"))


@BOTH
def test_a_state_that_does_not_come_in_time(ready: Site, wait: tuple[str, ...]) -> None:
    ready.kube.faults.webhook_misses = math.inf
    began = ready.slept
    outcome = ready(*ASSOCIATE, *wait, "--timeout", "30s")
    assert outcome.code == 7
    assert new_pods(outcome.json) == ("unknown", "injection-missed-webhook")
    assert ready.slept - began == pytest.approx(30)
    assert [item["status"] for item in outcome.json["actions"]] == ["done"]


@BOTH
def test_a_standing_cause_is_not_waited_for(ready: Site, wait: tuple[str, ...]) -> None:
    ready.cluster.delete(WEBHOOK)
    began = ready.slept
    outcome = ready(*ASSOCIATE, *wait)
    assert (outcome.code, new_pods(outcome.json)) == (3, ("broken", "injection-missed-webhook"))
    assert ready.slept - began < 20


@BOTH
def test_without_an_agent_nothing_is_waited_for(site: Site, wait: tuple[str, ...]) -> None:
    site.must("role", "create", "shop-orders", "--for", "shop/orders")
    began = site.slept
    outcome = site(*ASSOCIATE, *wait)
    assert (outcome.code, new_pods(outcome.json)) == (3, ("broken", "agent-not-installed"))
    assert site.slept - began < 20


@BOTH
def test_an_admission_policy_that_refuses_the_test_pod(ready: Site, wait: tuple[str, ...]) -> None:
    message = 'admission webhook "validate.kyverno.svc-fail" denied the request: images must come from our registry'
    ready.kube.faults.add(Fault("fail", operation="POST */namespaces/shop/pods*", status=400, message=message))
    outcome = ready(*ASSOCIATE, *wait)
    assert (outcome.code, new_pods(outcome.json)) == (0, ("ready", None))


def test_verified_needs_a_pod_whose_token_can_be_redeemed(ready: Site) -> None:
    outcome = ready(*ASSOCIATE, "--wait", "verified")
    assert (outcome.code, new_pods(outcome.json)) == (0, ("verified", None))
    ready.must("role", "create", "cart", "--for", "shop/cart")
    ready.cluster.make_account("shop", "cart")
    alone = ready("associate", "shop/cart", "--role", "cart", "-o", "json", "--wait", "verified")
    assert (alone.code, new_pods(alone.json)) == (9, ("ready", None))


def test_restart_needs_a_way_in_before_anything_is_changed(ready: Site) -> None:
    ready.half.kube.stop()
    outcome = ready(*ASSOCIATE, "--restart")
    assert (outcome.code, outcome.stdout) == (7, "")
    assert ready.must("list", "-o", "json").json["items"] == []
    caller = ready.user("viewer", [READ_PODS])
    ready.half.kube.start(int(ready.kube.endpoint.rsplit(":", 1)[-1]))
    denied = ready(*ASSOCIATE, "--restart", env=caller)
    assert (denied.code, new_pods(denied.json)[0]) == (8, "unknown")
    assert [(item["kind"], item["status"]) for item in denied.json["actions"]] == [
        ("association", "done"),
        ("restart", "failed"),
    ]


def test_disassociate_waits_until_pods_are_no_longer_given_credentials(ready: Site) -> None:
    ready.must(*ASSOCIATE)
    outcome = ready("disassociate", "shop/orders", "--yes", "-o", "json", "--wait", "ready")
    assert outcome.code == 0
    assert outcome.json["awaited"] == {"summary": "new pods of shop/orders no longer get credentials", "reached": True}


def test_a_broken_trust_policy_is_never_called_ready(healthy: Site) -> None:
    trust = trust_for(ORDERS)
    trust["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] = "other"
    healthy.trust("shop-orders", trust)
    outcome = healthy("associate", "shop/orders", "--tag", "team=shop", "--replace", "-o", "json")
    (after,) = outcome.json["after"]
    assert (outcome.code, after["state"], after["id"]) == (3, "broken", "trust-condition-never-matches")
    assert [item["status"] for item in outcome.json["actions"]] == ["done"]
    assert "trust-condition-never-matches" in healthy("associate", "shop/orders").stdout
    # what is not touched stands in the way of nothing
    tagged = healthy("associate", "shop/orders", "--tag", "team=cart", "--replace", "--wait", "none", "-o", "json")
    assert (tagged.code, tagged.json["after"]) == (0, [])


def test_a_broken_trust_policy_that_is_fixed_in_the_same_run(healthy: Site) -> None:
    trust = trust_for(ORDERS)
    trust["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] = "other"
    healthy.trust("shop-orders", trust)
    outcome = healthy("associate", "shop/orders", "--role", "shop-orders", "--update-trust", "-o", "json")
    assert outcome.code == 0
    assert [after["state"] for after in outcome.json["after"]] == ["ready"]
