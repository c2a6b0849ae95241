"""From nothing to verified credentials, as a person and as a script would do it, and with API servers that disagree."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from cluster_api import Json, injected
from podid.sandbox.kube.webhook import Webhook
from worlds import ROLE_ARN, Site


def test_the_first_use_in_text(site: Site) -> None:
    policy = site.policy_file()
    installed = site.must("install-agent")
    assert "eks-pod-identity-agent" in installed.stdout
    assert installed.stdout.splitlines()[-1] == "✓ 3 of 3 nodes have a Ready agent pod"
    made = site.must("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", policy)
    assert "shop-orders" in made.stdout
    before = site.cluster.pod_names("shop")
    associated = site.must("associate", "shop/orders", "--role", "shop-orders", "--restart")
    assert associated.stdout.splitlines() == [
        f"✓ association shop/orders -> {ROLE_ARN}: created",
        "✓ Deployment shop/orders (2 of 2 pods have the injected fields): restarted",
        "✓ new pods        ready  role shop-orders",
        "✓ 2 running pods  ready",
    ]
    after = site.cluster.pods("shop")
    assert not {pod["metadata"]["name"] for pod in after} & set(before)
    assert [injected(pod) for pod in after] == [True, True]
    listed = site.must("list")
    assert listed.stdout.splitlines()[0].split("\t")[:3] == ["shop", "orders", ROLE_ARN]
    verified = site.must("verify", "shop/orders", "--yes")
    lines = verified.stdout.splitlines()
    assert lines[0] == "✓ shop/orders  verified  role shop-orders, 2 pods"
    assert [line[:4] for line in lines[1:]] == ["  ✓ ", "  ✓ "]
    assert "✓ No problems found: " in site.must("doctor").stdout


def test_the_first_use_in_json(site: Site) -> None:
    policy = site.policy_file()
    installed = site.must("install-agent", "-o", "json")
    assert (installed.json["kind"], installed.json["awaited"], installed.stderr) == (
        "Result",
        {"summary": "3 of 3 nodes have a Ready agent pod", "reached": True},
        "",
    )
    made = site.must("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", policy, "-o", "json")
    assert {item["status"] for item in made.json["actions"]} == {"done"}
    associated = site.must("associate", "shop/orders", "--role", "shop-orders", "--restart", "-o", "json")
    assert [(item["kind"], item["status"]) for item in associated.json["actions"]] == [
        ("association", "done"),
        ("restart", "done"),
    ]
    (after,) = associated.json["after"]
    assert (after["state"], after["newPod"]["state"]) == ("ready", "ready")
    assert [pod["state"] for pod in after["pods"]] == ["ready", "ready"]
    (listed,) = site.must("list", "-o", "json").json["items"]
    assert (listed["namespace"], listed["serviceAccount"], listed["roleArn"]) == ("shop", "orders", ROLE_ARN)
    verified = site.must("verify", "shop/orders", "--yes", "-o", "json").json
    assert (verified["kind"], verified["state"], len(verified["pods"])) == ("IdentityStatus", "verified", 2)
    report = site.must("doctor", "-o", "json").json
    assert (report["findings"], report["unknowns"]) == ([], [])


def test_a_rerun_changes_nothing(healthy: Site) -> None:
    pods = healthy.cluster.pod_names("shop")
    policy = healthy.policy_file()
    calls = dict(healthy.box.faults.calls)
    for argv in (
        ("install-agent",),
        ("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", policy),
        ("associate", "shop/orders", "--role", "shop-orders", "--restart"),
    ):
        result = healthy.must(*argv, "-o", "json").json
        assert {item["status"] for item in result["actions"]} <= {"unchanged"}
    assert healthy.cluster.pod_names("shop") == pods
    changed = {
        name
        for (_, name), count in healthy.box.faults.calls.items()
        if count != calls.get((_, name), 0) and not name.startswith(("Describe", "Get", "List", "Simulate"))
    }
    assert changed == set()


class Replicas:
    """API servers behind a load balancer, each with its own webhook, that learn of an association `lags` seconds after
    the first could."""

    def __init__(self, site: Site, lags: tuple[float, ...], rng: random.Random | None) -> None:
        self.site, self.lags, self.rng = site, lags, rng
        self.turn = 0

    def knows(self, namespace: str, name: str, _: int) -> bool:
        lag = self.lags[self.turn % len(self.lags)] if self.rng is None else self.rng.choice(self.lags)
        self.turn += 1
        world = self.site.box.world
        cluster = world.clusters["demo"]
        found = cluster.by_subject.get((namespace, name))
        seen_until = world.clock.now() - world.delays.association - lag
        return found is not None and cluster.associations[found].created_at <= seen_until

    def all_know_at(self) -> float:
        world = self.site.box.world
        (association,) = world.clusters["demo"].associations.values()
        return association.created_at + world.delays.association + max(self.lags)


@pytest.fixture
def replicas(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Replicas]:
    def install(site: Site, lags: tuple[float, ...], rng: random.Random | None) -> Replicas:
        made = Replicas(site, lags, rng)
        monkeypatch.setattr(Webhook, "_knows", lambda _, namespace, name, caller: made.knows(namespace, name, caller))
        return made

    return install


LAGS = [
    (0.0, 0.0, 20.0),
    (0.0, 7.0, 8.0, 9.0, 10.0),
    *(pytest.param(lags, marks=pytest.mark.rare) for lags in ((0.0, 1.0), (0.0, 20.0))),
]


@pytest.mark.parametrize("lags", LAGS, ids=str)
def test_success_requires_that_every_api_server_has_the_association(
    site: Site, replicas: Any, lags: tuple[float, ...]
) -> None:
    """Load balancers go round, or pick by chance: with every way the claim comes after the last one knows."""
    clock = site.with_agent().box.world.clock
    role = site.must("role", "create", "shop-orders", "--for", "shop/orders", "-o", "json").code
    assert role == 0
    for rng in (None, random.Random(1)):
        servers = replicas(site, lags, rng)
        outcome = site("associate", "shop/orders", "--role", "shop-orders", "--wait", "ready", "-o", "json")
        assert (outcome.code, outcome.json["after"][0]["newPod"]["state"]) == (0, "ready")
        assert clock.now() >= servers.all_know_at()
        site.aws("eks").delete_pod_identity_association(
            clusterName="demo",
            associationId=site.must("list", "-o", "json").json["items"][0]["associationId"],
        )
        site.wait(40)


def test_pods_that_a_late_api_server_admitted_are_restarted_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dry runs met servers that knew, the first real pod one that did not: what pods carry is what counts."""
    site.must("install-agent")
    site.must("role", "create", "shop-orders", "--for", "shop/orders")
    inject = Webhook._inject
    missed: list[str] = []

    def miss_the_first(self: Webhook, pod: Json, account: Json, caller: int) -> Json:
        if "ownerReferences" in pod["metadata"] and not missed:
            missed.append(account["metadata"]["name"])
            return pod
        return inject(self, pod, account, caller)

    monkeypatch.setattr(Webhook, "_inject", miss_the_first)
    outcome = site("associate", "shop/orders", "--role", "shop-orders", "--restart", "-o", "json")
    assert (outcome.code, outcome.json["after"][0]["state"]) == (0, "ready")
    assert [injected(pod) for pod in site.cluster.pods("shop", "orders")] == [True, True]
    # the first one, that of the restart, and that of the restart after the miss
    assert (missed, len(site.cluster.items("/apis/apps/v1/namespaces/shop/replicasets"))) == (["orders"], 3)
