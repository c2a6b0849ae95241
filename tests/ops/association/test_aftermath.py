"""Waits after a change of associations: states of new and running pods, obstacles and exit codes."""

import json
import math
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from cluster_api import Json
from podid.domain.errors import AccessDenied, Conflict, Unreachable
from podid.domain.names import ServiceAccountRef
from podid.ops.association import aftermath
from podid.ops.association.aftermath import wait_until_stopped
from podid.ops.reading.trials import ROUNDS, SECONDS_BETWEEN_ROUNDS
from podid.sandbox.faults import Fault
from podid.sandbox.http import HttpAnswer, HttpRequest
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


@pytest.mark.parametrize(("seconds", "reads"), [(60, 1), (-1, 2)])
def test_the_wait_uses_what_was_just_read_for_the_plan(
    ready: Site, seconds: float, reads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only parts that the change does not affect, and only for a minute."""
    monkeypatch.setattr(aftermath, "_USED_FOR", timedelta(seconds=seconds))
    calls = ready.box.faults.calls
    calls.clear()
    assert ready(*ASSOCIATE).code == 0
    parts = ("DescribeNodegroup", "ListInsights", "DescribeVpcEndpoints", "ListRolePolicies")
    assert {part: sum(calls[key] for key in calls if key[1] == part) for part in parts} == {
        **dict.fromkeys(parts[:3], reads),
        "ListRolePolicies": 2,
    }


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


def test_a_requested_restart_fails_if_the_api_server_goes_away_after_the_change(
    ready: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = aftermath.reach

    def without_server(how: aftermath.Waiting, refs: Any, **more: Any) -> Any:
        ready.half.kube.stop()
        return reach(how, refs, **more)

    monkeypatch.setattr(aftermath, "reach", without_server)
    outcome = ready(*ASSOCIATE, "--restart")
    assert (outcome.code, [item["status"] for item in outcome.json["actions"]]) == (7, ["done"])
    assert "cannot be reached" in outcome.stderr


def test_a_requested_restart_is_refused_where_no_pods_can_be_created(ready: Site) -> None:
    message = 'Internal error occurred: failed calling webhook "a.example": failed to call webhook: EOF'
    ready.kube.faults.add(Fault("fail", operation="POST */namespaces/shop/pods*", status=500, message=message))
    pods = ready.cluster.pod_names("shop", "orders")
    outcome = ready(*ASSOCIATE, "--restart")
    assert (outcome.code, ready.cluster.pod_names("shop", "orders")) == (7, pods)
    why = f"a webhook of the cluster failed for pods in namespace shop: {message}"
    assert outcome.error["message"] == f"pods of shop/orders were not replaced: {why}"


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


def test_replace_and_restart_replaces_pods_that_hold_the_old_role(site: Site) -> None:
    for role in ("shop-orders", "shop-new"):
        site.must("role", "create", role, "--for", "shop/orders")
    site.must("install-agent")
    site.must("associate", "shop/orders", "--role", "shop-orders", "--restart")
    first = site.cluster.pod_names("shop")
    again = site.must("associate", "shop/orders", "--role", "shop-orders", "--restart", "-o", "json")
    assert [(item["kind"], item["status"]) for item in again.json["actions"]] == [("association", "unchanged")]
    assert site.cluster.pod_names("shop") == first

    site.wait(5)  # pods' times are whole seconds
    changed = site.must("associate", "shop/orders", "--role", "shop-new", "--replace", "--restart", "-o", "json")
    assert [(item["kind"], item["status"]) for item in changed.json["actions"]] == [
        ("association", "done"),
        ("restart", "done"),
    ]
    second = site.cluster.pod_names("shop")
    assert set(first) & set(second) == set()

    rerun = site.must("associate", "shop/orders", "--role", "shop-new", "--restart", "-o", "json")
    assert [(item["kind"], item["status"]) for item in rerun.json["actions"]] == [("association", "unchanged")]
    assert site.cluster.pod_names("shop") == second


def test_a_rerun_long_after_needs_no_dry_runs(site: Site) -> None:
    site.must("install-agent")
    site.must("role", "create", "shop-orders", "--for", "shop/orders")
    site.must("associate", "shop/orders", "--role", "shop-orders", "--restart")
    site.wait(300)
    before = site.slept
    rerun = site.must("associate", "shop/orders", "--role", "shop-orders", "--wait", "ready", "-o", "json")
    assert [after["state"] for after in rerun.json["after"]] == ["ready"]
    assert site.slept - before < 5


def changed(site: Site) -> str:
    """Change the role of shop/orders, keep its pods, and return the notes."""
    site.wait(5)
    return site.must("associate", "shop/orders", "--role", "storefront", "--replace").stderr


def notes(site: Site) -> list[tuple[str, str, str]]:
    outcome = site("doctor", "-o", "json")
    report = outcome.json
    assert (outcome.code, report["unknowns"]) == (0, [])
    return [(item["id"], item["severity"], item["subject"]["name"]) for item in report["findings"]]


def counts(site: Site) -> dict[str, int]:
    (item,) = site.must("list", "--pods", "-o", "json").json["items"]
    result: dict[str, int] = item["pods"]
    return result


def test_stale_pods_are_shown_by_every_command(healthy: Site) -> None:
    assert (notes(healthy), counts(healthy)) == ([], {"running": 2, "injected": 2, "stale": 0})
    text = changed(healthy)
    assert "2 of 2 running pods stale: cached-credentials-after-change" in text
    assert notes(healthy) == [("cached-credentials-after-change", "warn", "orders")]
    assert counts(healthy) == {"running": 2, "injected": 2, "stale": 2}
    old = healthy.cluster.pod_names("shop")
    healthy.must("restart", "-A", "--stale")
    assert not set(old) & set(healthy.cluster.pod_names("shop"))
    assert (notes(healthy), counts(healthy)) == ([], {"running": 2, "injected": 2, "stale": 0})
    assert healthy.must("restart", "-A", "--stale").stdout.startswith("nothing to restart")


def test_pods_are_not_stale_six_hours_after_a_change(healthy: Site) -> None:
    changed(healthy)
    healthy.wait(6 * 3600 + 1)
    assert (notes(healthy), counts(healthy)) == ([], {"running": 2, "injected": 2, "stale": 0})
    old = healthy.cluster.pod_names("shop")
    healthy.must("restart", "shop/orders", "--stale")
    assert healthy.cluster.pod_names("shop") == old


def test_tags_of_an_association_do_not_make_pods_stale(healthy: Site) -> None:
    healthy.wait(5)
    text = healthy.must("associate", "shop/orders", "--role", "shop-orders", "--tag", "a=b", "--replace").stderr
    assert "may keep the previous" not in text


def test_the_list_counts_pods_only_with_the_option(healthy: Site) -> None:
    before = healthy.kube.faults.calls.total()
    (item,) = healthy.must("list", "-o", "json").json["items"]
    assert item["pods"] is None
    assert healthy.kube.faults.calls.total() == before
    assert "STALE" not in healthy.must("list").stdout
    (row,) = healthy.must("list", "--pods").stdout.splitlines()[-1:]
    assert row.split("\t")[-2:] == ["2", "0"]
    assert healthy.must("list", "--pods", "-o", "jsonl").stdout.count('"running":2') == 1


def test_an_association_that_another_person_deletes_meanwhile_is_no_success(ready: Site) -> None:
    gateway, eks = ready.box.gateway, ready.aws("eks")
    answer = gateway.answer

    def answering(request: HttpRequest) -> HttpAnswer:
        answered = answer(request)
        if gateway.name(request).operation == "CreatePodIdentityAssociation":
            keys = {"clusterName": "demo", "associationId": json.loads(answered.body)["association"]["associationId"]}
            eks.delete_pod_identity_association(**keys)
        return answered

    gateway.answer = answering  # type: ignore[method-assign]  # the next site restores it
    outcome = ready(*ASSOCIATE)
    assert (outcome.code, new_pods(outcome.json)) == (7, ("no-association", "association-missing")), outcome


@pytest.mark.parametrize(("outage", "reached"), [(10.0, True), (1000.0, None)])
def test_the_wait_for_the_end_of_credentials_outlasts_an_outage(
    world: KubeWorld, outage: float, reached: bool | None
) -> None:
    access, began = world.access(), world.clock.seconds

    def try_pod(ref: ServiceAccountRef, **more: Any) -> Any:
        if world.clock.seconds < began + outage:
            raise Unreachable("The API server cannot be reached")
        return access.writer.dry_run_pod(ref, **more)

    kube: Any = SimpleNamespace(reader=access.reader, writer=SimpleNamespace(dry_run_pod=try_pod))
    awaited = wait_until_stopped(kube, (ORDERS,), world.patience(60))
    assert awaited.reached is reached
    assert "The API server cannot be reached; trying again" in world.messages
    assert world.clock.seconds - began >= min(outage, 60)
    if reached is None:
        why = "whether new pods still get credentials was not checked: The API server cannot be reached"
        assert awaited.summary == why
