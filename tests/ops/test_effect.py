"""When an association may be said to be in effect, against a control plane whose replicas learn at different times."""

import itertools
from typing import Any

import pytest

from harness import one_in
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Effect, EffectState
from podid.ops.association import effect
from podid.ops.association.effect import live_pods_effect, wait_for_effect, wait_for_no_effect
from podid.sandbox.faults import Fault
from podid.sandbox.kube import Timing, kinds
from sandbox.memory_world import MemoryAddon
from worlds import ORDERS, KubeWorld, kube_world


def wait(
    world: KubeWorld, ref: ServiceAccountRef = ORDERS, *, timeout: float = 300, token: str = "", since: bool = False
) -> Effect:
    made = world.now() if since else None
    return wait_for_effect(world.access(token), [ref], world.patience(timeout), since=made)[ref]


def test_an_association_that_is_known_already(world: KubeWorld) -> None:
    world.aws.associations.add(("shop", "orders"))
    before = world.clock.seconds
    assert wait(world) == Effect(
        EffectState.LIKELY,
        "new pods of shop/orders would be given credentials: seen in 15 dry runs in a row",
        not_looked_at=effect.NO_POD,
    )
    assert world.clock.seconds - before == 8.0
    assert world.said == [
        *(f"waiting for the effect on shop/orders: seen in {n} of 5 rounds of dry runs" for n in (1, 2, 3, 4)),
        "effect on shop/orders: likely",
    ]


def test_nothing_is_created(world: KubeWorld) -> None:
    world.aws.associations.add(("shop", "orders"))
    before = world.reader.list_pods()
    wait(world)
    assert world.reader.list_pods() == before


@pytest.mark.parametrize(("lag", "spread"), one_in(3, itertools.product([1.0, 20.0], [0.0, 3.0, 9.0, 19.0])))
def test_success_is_never_claimed_before_the_slowest_replica_knows(lag: float, spread: float) -> None:
    with kube_world(timing=Timing(webhook_spread=spread)) as world:
        world.at(lag, ORDERS)
        start = world.clock.seconds
        assert wait(world).state is EffectState.LIKELY
        assert world.clock.seconds - start >= lag + spread


def test_an_association_that_never_arrives(world: KubeWorld) -> None:
    assert wait(world, timeout=30) == Effect(
        EffectState.NOT_IN_EFFECT,
        "new pods of shop/orders were not given credentials within 30 s",
        "injection-missed-webhook",
        effect.LATER_LINKS,
    )


def test_too_few_hits_before_the_deadline_are_unknown(world: KubeWorld) -> None:
    world.at(27, ORDERS)
    result = wait(world, timeout=30)
    assert result.state is EffectState.UNKNOWN
    assert result.how.endswith("rounds of dry runs showed the change within 30 s, too few to rely on")


def test_a_missing_webhook_is_said_at_once(world: KubeWorld) -> None:
    world.sandbox.delete(kinds.MUTATING_WEBHOOKS, "", "pod-identity-webhook")
    before = world.clock.seconds
    assert wait(world) == Effect(
        EffectState.NOT_IN_EFFECT,
        "pods of shop/orders are not given credentials: the cluster's "
        "MutatingWebhookConfiguration pod-identity-webhook is missing",
        "injection-missed-webhook",
        effect.LATER_LINKS,
    )
    assert world.clock.seconds == before


def test_a_missing_service_account(world: KubeWorld) -> None:
    assert wait(world, ServiceAccountRef("shop", "later")) == Effect(
        EffectState.UNKNOWN,
        "service account shop/later does not exist, so no pod can use the association yet",
        "association-sa-not-found",
        effect.NO_POD,
    )


def test_a_missing_namespace(world: KubeWorld) -> None:
    assert wait(world, ServiceAccountRef("nowhere", "later")) == Effect(
        EffectState.UNKNOWN, "could not look: namespace nowhere does not exist", not_looked_at=effect.NO_POD
    )


def test_missing_rights_are_named(world: KubeWorld) -> None:
    read = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    world.sandbox.add_user("viewer-token", "viewer", rules=read)
    assert wait(world, token="viewer-token") == Effect(
        EffectState.UNKNOWN,
        "could not look: not allowed to create pods in namespace shop (needed for a dry run; nothing is created)",
        not_looked_at=effect.NO_POD,
    )


def test_the_probe_passes_restricted_pod_security(world: KubeWorld) -> None:
    world.aws.associations.add(("shop", "orders"))
    world.sandbox.patch(
        kinds.NAMESPACES,
        "",
        "shop",
        lambda n: {
            **n,
            "metadata": {**n["metadata"], "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        },
    )
    assert wait(world).state is EffectState.LIKELY


def test_an_admission_refusal_is_quoted(world: KubeWorld) -> None:
    message = 'admission webhook "policy.example" denied the request: image is not allowed'
    world.sandbox.faults.add(Fault("fail", operation="POST *dryRun=All*", status=403, message=message))
    assert wait(world) == Effect(
        EffectState.UNKNOWN,
        "the cluster does not let podid's test pod pass: an admission rule of the cluster refused pods in namespace "
        f"shop: {message}",
        not_looked_at=effect.NO_POD,
    )


def test_a_cluster_that_cannot_be_reached_is_unknown(world: KubeWorld) -> None:
    world.sandbox.stop()
    result = wait(world)
    host = world.sandbox.endpoint.removeprefix("https://")
    assert result == Effect(
        EffectState.UNKNOWN,
        f"could not look: the API server of cluster demo cannot be reached: nothing listens at {host}",
        not_looked_at=effect.NO_POD,
    )


def test_a_real_pod_with_an_agent_on_its_node_shows_it(world: KubeWorld) -> None:
    world.aws.addon = MemoryAddon()
    world.aws.associations.add(("shop", "orders"))
    since = world.now()
    world.sleep(2)
    world.writer.restart("Deployment", "shop", "orders", at=world.now())
    for _ in range(10):
        world.sleep(1)
    found = wait_for_effect(world.access(), [ORDERS], world.patience(), since=since)[ORDERS]
    newest = world.reader.list_pods("shop", service_account="orders")[-1].name
    how = "created after the association, carries the injected fields, and its node has a Ready agent"
    assert found == Effect(EffectState.IN_EFFECT, f"shop/{newest}, {how}", not_looked_at=effect.NO_TOKEN)
    for pod in world.reader.list_agent_pods():
        world.sandbox.delete(kinds.PODS, pod.namespace, pod.name)
    without = live_pods_effect(world.reader, [ORDERS])
    assert (without.state, without.id) == (EffectState.NOT_IN_EFFECT, "agent-not-on-node")

    def change(obj: dict[str, Any]) -> dict[str, Any]:
        for container in obj["spec"]["containers"]:
            for item in container.get("env") or ():
                if item["name"] == "AWS_CONTAINER_CREDENTIALS_FULL_URI":
                    item["value"] = "http://127.0.0.1:9911/credentials"
        return obj

    world.sandbox.patch(kinds.PODS, "shop", newest, change)
    foreign = live_pods_effect(world.reader, [ORDERS])
    assert (foreign.state, foreign.id) == (EffectState.NOT_IN_EFFECT, "injected-fields-hardcoded")


def test_pods_older_than_the_association_prove_nothing(world: KubeWorld) -> None:
    world.at(3, ORDERS)
    assert wait(world, since=True).state is EffectState.LIKELY


def test_a_deleted_association_is_gone_when_no_replica_injects(world: KubeWorld) -> None:
    world.aws.associations.add(("shop", "orders"))
    world.writer.dry_run_pod(ORDERS, image="x")
    world.at(5, ORDERS, associated=False)
    start = world.clock.seconds
    assert wait_for_no_effect(world.access(), [ORDERS], world.patience()) == {
        ORDERS: Effect(
            EffectState.LIKELY,
            "new pods of shop/orders would no longer be given credentials: seen in 15 dry runs in a row",
            not_looked_at=effect.NO_RUNNING_POD,
        )
    }
    assert world.clock.seconds - start >= 5.5 + 8


def test_several_service_accounts_are_watched_together(world: KubeWorld) -> None:
    billing = ServiceAccountRef("payments", "billing-worker")
    world.aws.associations.add(("shop", "orders"))
    world.at(6, billing)
    start = world.clock.seconds
    found = wait_for_effect(world.access(), [ORDERS, billing], world.patience())
    assert {ref: e.state for ref, e in found.items()} == {ORDERS: EffectState.LIKELY, billing: EffectState.LIKELY}
    assert world.clock.seconds - start < 25


def test_combine_tells_the_worst() -> None:
    good, bad = Effect(EffectState.LIKELY, "good"), Effect(EffectState.UNKNOWN, "no account")
    assert effect.combine([]) is None
    assert effect.combine([good]) == good
    assert effect.combine([good, bad, good]) == Effect(EffectState.UNKNOWN, "no account (1 of 3 service accounts)")


def test_an_image_of_the_namespace_is_used(world: KubeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    original = world.writer.dry_run_pod

    def spy(ref: ServiceAccountRef, *, image: str) -> object:
        seen.append(image)
        return original(ref, image=image)

    world.aws.associations.add(("shop", "orders"))
    monkeypatch.setattr(world.writer, "dry_run_pod", spy)
    wait(world)
    assert set(seen) == {"public.ecr.aws/docker/library/busybox:1.37"}
