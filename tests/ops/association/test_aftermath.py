"""Waits after a change of associations: states of new pods, obstacles and exit codes."""

import json
import math
from types import SimpleNamespace
from typing import Any

import pytest

from cluster_api import Json
from podid.domain.errors import AccessDenied, Conflict
from podid.domain.names import ServiceAccountRef
from podid.ops.association.aftermath import wait_until_stopped
from podid.ops.reading.trials import ROUNDS, SECONDS_BETWEEN_ROUNDS
from podid.sandbox.faults import Fault
from worlds import ACCOUNT, ORDERS, POLICY, KubeWorld, Site, trust_for

WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"
READ_PODS: Json = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
ASSOCIATE = ("associate", "shop/orders", "--role", "shop-orders", "-o", "json")


@pytest.fixture
def ready(site: Site) -> Site:
    make_role(site)
    return site.with_agent()


def make_role(site: Site, ref: ServiceAccountRef = ORDERS) -> None:
    """Create role NAMESPACE-NAME, whose trust policy allows the service account."""
    role = site.box.iam.make_role(ACCOUNT, f"{ref.namespace}-{ref.name}", json.dumps(trust_for(ref)))
    site.box.iam.attach(role, ACCOUNT, (), {"dynamodb-read": POLICY})
    site.wait(30)


def new_pods(document: Any) -> tuple[str | None, str | None]:
    """Return the state of the new pods of the one identity, and its failure mode."""
    (status,) = document["after"]
    return status["newPod"]["state"], status["newPod"]["id"]


# without --wait and with --wait ready, in one world: the second run finds the association and waits as well
BOTH: tuple[tuple[str, ...], ...] = ((), ("--wait", "ready"))
# the exit code if the state cannot be judged
UNJUDGED: tuple[tuple[tuple[str, ...], int], ...] = (((), 0), (("--wait", "ready"), 9))


@pytest.mark.parametrize("wait", ["none", "api"])
def test_without_a_state_to_wait_for_nothing_is_checked(ready: Site, wait: str) -> None:
    began = ready.slept
    outcome = ready(*ASSOCIATE, "--wait", wait)
    assert (outcome.code, outcome.json["after"]) == (0, [])
    assert ready.slept == began
    assert [item["status"] for item in outcome.json["actions"]] == ["done"]


def test_a_state_that_is_reached(ready: Site) -> None:
    for wait in BOTH:
        began = ready.slept
        outcome = ready(*ASSOCIATE, *wait)
        assert (outcome.code, new_pods(outcome.json)) == (0, ("ready", None))
        # dry-run pods of five rounds agree
        assert ready.slept - began >= 8


def test_an_unreachable_api_server(ready: Site) -> None:
    ready.half.kube.stop()
    for wait, code in UNJUDGED:
        outcome = ready(*ASSOCIATE, *wait)
        assert outcome.code == code
        assert outcome.json["unchecked"].startswith("the cluster was not checked: ")
        assert [item["status"] for item in outcome.json["actions"]] == ["unchanged" if wait else "done"]
        text = ready("associate", "shop/orders", "--role", "shop-orders", *wait)
        assert text.code == code
        assert "the cluster was not checked: " in text.stdout


@pytest.mark.encrypted
def test_a_cluster_that_does_not_know_the_caller(ready: Site) -> None:
    ready.kube.set_principal("arn:aws:iam::111122223333:user/podid-admin", None)
    for wait, code in UNJUDGED:
        outcome = ready(*ASSOCIATE, *wait, without=["KUBECONFIG"])
        assert outcome.code == code
        why = "the API server of cluster demo does not recognize the caller (401 Unauthorized)"
        assert outcome.json["unchecked"] == f"the cluster was not checked: {why}"


def test_with_few_permissions(ready: Site) -> None:
    caller = ready.user("viewer", [READ_PODS])
    for wait, code in UNJUDGED:
        outcome = ready(*ASSOCIATE, *wait, env=caller)
        assert (outcome.code, new_pods(outcome.json)[0]) == (code, "unknown")


def test_without_the_permission_to_create_pods_the_registration_counts(ready: Site) -> None:
    ready.kube.faults.add(Fault("fail", operation="POST */namespaces/shop/pods*", status=403, message="forbidden"))
    for wait in BOTH:
        outcome = ready(*ASSOCIATE, *wait)
        assert (outcome.code, new_pods(outcome.json)) == (0, ("ready", None))


def test_a_service_account_that_does_not_exist_yet(ready: Site) -> None:
    make_role(ready, ServiceAccountRef("shop", "cart"))
    for wait, code in UNJUDGED:
        outcome = ready("associate", "shop/cart", "--role", "shop-cart", "-o", "json", *wait)
        assert (outcome.code, new_pods(outcome.json)) == (code, ("doubtful", "association-sa-not-found"))


def test_a_state_that_is_not_reached_in_time(ready: Site) -> None:
    ready.kube.faults.webhook_misses = math.inf
    for wait in BOTH:
        began = ready.slept
        outcome = ready(*ASSOCIATE, *wait, "--timeout", "30s")
        assert outcome.code == 7
        assert new_pods(outcome.json) == ("unknown", "injection-missed-webhook")
        assert ready.slept - began == pytest.approx(30)
        assert [item["status"] for item in outcome.json["actions"]] == ["unchanged" if wait else "done"]


def test_a_standing_cause_is_not_waited_for(ready: Site) -> None:
    ready.cluster.delete(WEBHOOK)
    for wait in BOTH:
        began = ready.slept
        outcome = ready(*ASSOCIATE, *wait)
        assert (outcome.code, new_pods(outcome.json)) == (3, ("broken", "injection-missed-webhook"))
        assert ready.slept - began < 20


def test_without_an_agent_nothing_is_waited_for(site: Site) -> None:
    make_role(site)
    for wait in BOTH:
        began = site.slept
        outcome = site(*ASSOCIATE, *wait)
        assert (outcome.code, new_pods(outcome.json)) == (3, ("broken", "agent-not-installed"))
        assert site.slept - began < 20


def test_an_admission_policy_that_refuses_the_test_pod(ready: Site) -> None:
    message = 'admission webhook "validate.kyverno.svc-fail" denied the request: images must come from our registry'
    ready.kube.faults.add(Fault("fail", operation="POST */namespaces/shop/pods*", status=400, message=message))
    for wait in BOTH:
        outcome = ready(*ASSOCIATE, *wait)
        assert (outcome.code, new_pods(outcome.json)) == (0, ("ready", None))


def test_verified_requires_a_pod_whose_token_can_be_redeemed(ready: Site) -> None:
    outcome = ready(*ASSOCIATE, "--wait", "verified")
    assert (outcome.code, new_pods(outcome.json)) == (0, ("verified", None))
    make_role(ready, ServiceAccountRef("shop", "cart"))
    ready.cluster.make_account("shop", "cart")
    alone = ready("associate", "shop/cart", "--role", "shop-cart", "-o", "json", "--wait", "verified")
    assert (alone.code, new_pods(alone.json)) == (9, ("ready", None))


def test_restart_requires_the_api_server_before_the_first_change(ready: Site) -> None:
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


def test_disassociate_waits_until_new_pods_get_no_credentials(ready: Site) -> None:
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


# --- after a deletion, in a cluster without an account ----------------------------------------------------------------


def test_new_pods_must_get_no_credentials_in_consecutive_rounds(world: KubeWorld) -> None:
    world.aws.associations.add((ORDERS.namespace, ORDERS.name))
    world.sleep(30)
    still = wait_until_stopped(world.access(), (ORDERS,), world.patience(20))
    assert (still.summary, still.reached) == ("new pods of shop/orders still got credentials within 20 s", False)
    assert "waiting until new pods of shop/orders get no credentials" in world.messages
    world.at(5, ORDERS, associated=False)
    began = world.clock.seconds
    stopped = wait_until_stopped(world.access(), (ORDERS,), world.patience(60))
    assert (stopped.summary, stopped.reached) == ("new pods of shop/orders no longer get credentials", True)
    assert world.clock.seconds - began >= 5 + (ROUNDS - 1) * SECONDS_BETWEEN_ROUNDS


def test_without_dry_runs_the_end_of_credentials_is_not_checked(world: KubeWorld) -> None:
    world.sandbox.add_user("viewer-token", "viewer", rules=[READ_PODS])
    awaited = wait_until_stopped(world.access("viewer-token"), (ORDERS,), world.patience(20))
    assert awaited.reached is None
    assert awaited.summary.startswith("whether new pods still get credentials was not checked: requires create pods")


def test_a_namespace_that_is_being_deleted_gets_no_pods(world: KubeWorld) -> None:
    def refuse(ref: ServiceAccountRef, **_: object) -> None:
        if ref == ORDERS:
            raise Conflict("the namespace of pods is being deleted")
        raise AccessDenied("denied", permission="create pods")

    kube: Any = SimpleNamespace(reader=world.access().reader, writer=SimpleNamespace(dry_run_pod=refuse))
    assert wait_until_stopped(kube, (ORDERS,), world.patience(20)).reached is True
    other = ServiceAccountRef("payments", "default")
    assert wait_until_stopped(kube, (ORDERS, other), world.patience(20)).reached is None


def test_without_a_service_account_no_pod_gets_credentials(world: KubeWorld) -> None:
    awaited = wait_until_stopped(world.access(), (ServiceAccountRef("shop", "nosuch"),), world.patience(20))
    assert awaited.reached is True
