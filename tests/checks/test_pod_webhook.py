"""Link 3: the webhook's registration, as EKS writes it or not; an odd one that works alarms nobody."""

from dataclasses import replace
from datetime import timedelta

import pytest

from podid.domain.cluster import Requirement
from podid.domain.network import Selector
from podid.domain.workloads import NAMESPACE_NAME, WebhookRegistration

from .builder import association, bare, healthy, pod
from .grid import answers, only, verdicts

MADE = association().created_at
assert MADE is not None
SUBJECT = "MutatingWebhookConfiguration pod-identity-webhook"
STOCK = WebhookRegistration(
    url="https://127.0.0.1:23443/mutate",
    objects=Selector(requirements=(Requirement("eks.amazonaws.com/skip-pod-identity-webhook", "DoesNotExist"),)),
)
ODD = {
    "another version": replace(STOCK, versions=("v1",)),
    "another address": replace(STOCK, url="https://10.0.0.9/mutate"),
    "a Service": replace(STOCK, url=""),
    "only what asks for it": replace(STOCK, objects=Selector({"inject": "true"})),
    "only one namespace": replace(STOCK, namespaces=Selector({NAMESPACE_NAME: "payments"})),
    "namespaces by a label": replace(STOCK, namespaces=Selector({"team": "a"})),
}
MISSED = bare(pod("missed", created_at=MADE + timedelta(hours=1)))


# what they leave out is seen from the pods themselves
NARROW = ("only what asks for it", "only one namespace")
WAYS = pytest.mark.parametrize(
    ("webhook", "now"),
    [
        pytest.param(each, ("fail", "warn") if name in NARROW else ("pass", "error"), id=name)
        for name, each in ODD.items()
    ],
)


@WAYS
def test_an_odd_one_counts_where_pods_were_missed(webhook: WebhookRegistration, now: tuple[str, str]) -> None:
    assert answers("webhook-config-altered", healthy(webhook=webhook)) == [(*now, SUBJECT)]
    verdict = only("webhook-config-altered", healthy(webhook=webhook, pods=(MISSED,)))
    assert (verdict.outcome.value, verdict.severity.value, verdict.chain) == ("fail", "error", ("shop/orders",))
    assert "shop/missed" in verdict.evidence[-1]


@WAYS
def test_one_that_served_a_pod_since_is_not_to_blame(webhook: WebhookRegistration, now: tuple[str, str]) -> None:
    since = healthy(webhook=webhook, pods=(MISSED, pod(created_at=MISSED.created_at)))
    # but for a selector that leaves out the pod that was missed
    assert answers("webhook-config-altered", since) == [(now[0], "error", SUBJECT)]
    earlier = pod(created_at=MISSED.created_at - timedelta(minutes=30))
    assert answers("webhook-config-altered", healthy(webhook=webhook, pods=(MISSED, earlier)))[0][0] == "fail"


@pytest.mark.parametrize(
    "webhook",
    [
        STOCK,
        WebhookRegistration(url="https://localhost:9443/mutate"),
        replace(STOCK, versions=("v1", "v1beta1")),
    ],
)
def test_a_plain_one_is_not_to_blame(webhook: WebhookRegistration) -> None:
    assert answers("webhook-config-altered", healthy(webhook=webhook, pods=(MISSED,))) == [("pass", "error", SUBJECT)]


def test_one_that_leaves_out_a_pod_that_asks_for_it_is_in_order() -> None:
    skips = pod(labels={"eks.amazonaws.com/skip-pod-identity-webhook": ""})
    assert answers("webhook-config-altered", healthy(webhook=STOCK, pods=(skips,))) == [("pass", "error", SUBJECT)]


def test_a_namespace_is_told_by_its_name_only() -> None:
    found = WebhookRegistration(
        namespaces=Selector({"team": "a"}, (Requirement(NAMESPACE_NAME, "NotIn", ("kube-system",)),))
    )
    assert found.excluding_selector("shop", {}) == ""
    assert found.excluding_selector("kube-system", {}) == "its namespaceSelector"


def test_one_that_is_asked_about_nothing() -> None:
    deaf = replace(STOCK, on_create=False)
    # the pods there are have what they need; the next ones will not
    assert answers("webhook-config-altered", healthy(webhook=deaf)) == [("fail", "warn", SUBJECT)]
    for pods in ((), (MISSED,), (pod(), MISSED)):
        assert answers("webhook-config-altered", healthy(webhook=deaf, pods=pods)) == [("fail", "error", SUBJECT)]
    assert only("webhook-config-altered", healthy(webhook=deaf, associations=())).outcome.value == "not-applicable"
    assert only("webhook-config-altered", healthy(webhook=None)).outcome.value == "not-applicable"


def test_who_was_served_before_is_warned_beside_who_was_missed() -> None:
    """Whether others were looked at makes no difference for one that is left out."""
    cart = replace(MISSED, name="cart", service_account="cart", created_at=MISSED.created_at + timedelta(minutes=1))
    both = healthy(
        webhook=ODD["only one namespace"],
        associations=(association(), association(name="cart")),
        pods=(pod(created_at=MISSED.created_at), cart),
    )
    found = [(verdict.severity.value, verdict.chain) for verdict in verdicts("webhook-config-altered", both)]
    assert found == [("error", ("shop/cart",)), ("warn", ("shop/orders",))]


def test_the_fix_restarts_who_was_missed() -> None:
    (verdict,) = verdicts("webhook-config-altered", healthy(webhook=ODD["another version"], pods=(MISSED,)))
    assert verdict.fix is not None
    assert verdict.fix.commands[-1] == ("podid", "restart", "shop/orders", "--cluster", "prod")
