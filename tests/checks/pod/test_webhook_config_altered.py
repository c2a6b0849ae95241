from dataclasses import replace
from datetime import timedelta

import pytest

from checks.builder import DENIED, association, bare, healthy, pod
from checks.grid import answers, only, verdicts
from checks.pods import CREATED
from podid.domain.cluster import Requirement
from podid.domain.network import Selector
from podid.domain.workloads import NAMESPACE_NAME, WebhookRegistration

ID = "webhook-config-altered"
FAILS = healthy(webhook=WebhookRegistration(url="https://127.0.0.1:23443/mutate", on_create=False))
UNKNOWN = healthy(webhook=DENIED)
FINDINGS = [("fail", "warn", "MutatingWebhookConfiguration pod-identity-webhook")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
MISSED = bare(pod("missed", created_at=CREATED + timedelta(hours=1)))
SUBJECT = "MutatingWebhookConfiguration pod-identity-webhook"
# their selectors exclude the pods of the association
NARROW = ("pods with a label", "only one namespace")
USUAL = WebhookRegistration(
    url="https://127.0.0.1:23443/mutate",
    objects=Selector(requirements=(Requirement("eks.amazonaws.com/skip-pod-identity-webhook", "DoesNotExist"),)),
)
ALTERED = {
    "another version": replace(USUAL, versions=("v1",)),
    "another address": replace(USUAL, url="https://10.0.0.9/mutate"),
    "a Service": replace(USUAL, url=""),
    "pods with a label": replace(USUAL, objects=Selector({"inject": "true"})),
    "only one namespace": replace(USUAL, namespaces=Selector({NAMESPACE_NAME: "payments"})),
    "namespaces by a label": replace(USUAL, namespaces=Selector({"team": "a"})),
}
EVERY_ALTERATION = pytest.mark.parametrize(
    ("webhook", "now"),
    [
        pytest.param(webhook, ("fail", "warn") if name in NARROW else ("pass", "error"), id=name)
        for name, webhook in ALTERED.items()
    ],
)


@EVERY_ALTERATION
def test_an_altered_webhook_is_an_error_if_it_missed_pods(webhook: WebhookRegistration, now: tuple[str, str]) -> None:
    assert answers(ID, healthy(webhook=webhook)) == [(*now, SUBJECT)]
    verdict = only(ID, healthy(webhook=webhook, pods=(MISSED,)))
    assert (verdict.outcome.value, verdict.severity.value, verdict.chain) == ("fail", "error", ("shop/orders",))
    assert "shop/missed" in verdict.evidence[-2]


@EVERY_ALTERATION
def test_a_webhook_that_served_a_later_pod_is_not_the_cause(webhook: WebhookRegistration, now: tuple[str, str]) -> None:
    served = healthy(webhook=webhook, pods=(MISSED, pod(created_at=MISSED.created_at)))
    # except for a selector that excludes the missed pod
    assert answers(ID, served) == [(now[0], "error", SUBJECT)]
    earlier = pod(created_at=MISSED.created_at - timedelta(minutes=30))
    assert answers(ID, healthy(webhook=webhook, pods=(MISSED, earlier)))[0][0] == "fail"


@pytest.mark.parametrize(
    "webhook",
    [
        USUAL,
        WebhookRegistration(url="https://localhost:9443/mutate"),
        replace(USUAL, versions=("v1", "v1beta1")),
    ],
)
def test_the_usual_webhook_is_not_the_cause(webhook: WebhookRegistration) -> None:
    assert answers(ID, healthy(webhook=webhook, pods=(MISSED,))) == [("pass", "error", SUBJECT)]


def test_a_pod_may_opt_out() -> None:
    skips = pod(labels={"eks.amazonaws.com/skip-pod-identity-webhook": ""})
    assert answers(ID, healthy(webhook=USUAL, pods=(skips,))) == [("pass", "error", SUBJECT)]


def test_a_webhook_that_is_not_called_for_new_pods() -> None:
    not_called = replace(USUAL, on_create=False)
    # running pods keep their credentials, and new pods get none
    assert answers(ID, healthy(webhook=not_called)) == [("fail", "warn", SUBJECT)]
    for pods in ((), (MISSED,), (pod(), MISSED)):
        assert answers(ID, healthy(webhook=not_called, pods=pods)) == [("fail", "error", SUBJECT)]
    assert only(ID, healthy(webhook=not_called, associations=())).outcome.value == "not-applicable"
    assert only(ID, healthy(webhook=None)).outcome.value == "not-applicable"


def test_missed_pods_are_an_error_and_injected_pods_a_warning() -> None:
    """The selector excludes both; one was injected before."""
    cart = replace(MISSED, name="cart", service_account="cart", created_at=MISSED.created_at + timedelta(minutes=1))
    both = healthy(
        webhook=ALTERED["only one namespace"],
        associations=(association(), association(name="cart")),
        pods=(pod(created_at=MISSED.created_at), cart),
    )
    rows = [(verdict.severity.value, verdict.chain) for verdict in verdicts(ID, both)]
    assert rows == [("error", ("shop/cart",)), ("warn", ("shop/orders",))]


def test_the_missed_pods_are_restarted_after_the_registration_is_restored() -> None:
    (verdict,) = verdicts(ID, healthy(webhook=ALTERED["another version"], pods=(MISSED,)))
    assert verdict.fix is not None
    assert [command[0] for command in verdict.fix.commands] == ["kubectl"]
    assert verdict.evidence[-1].startswith("a restart does not help until the registration is restored")


def test_a_pod_that_a_selector_excludes_is_missed_also_soon_after_a_change() -> None:
    pods = (bare(pod(created_at=CREATED)),)
    assert answers(ID, healthy(webhook=ALTERED["pods with a label"], pods=pods)) == [("fail", "error", SUBJECT)]
    assert answers(ID, healthy(webhook=ALTERED["another version"], pods=pods)) == [("pass", "error", SUBJECT)]


def test_a_later_pod_of_another_namespace_does_not_clear_a_selector_by_a_label() -> None:
    """Labels of namespaces are not read: this namespace may lack the label, while another one has it."""
    elsewhere = pod(namespace="web", created_at=MISSED.created_at + timedelta(minutes=1))
    both = (association(), association(namespace="web"))
    for selector in (Selector({"team": "a"}), Selector(requirements=(Requirement("team", "Exists"),))):
        snapshot = healthy(webhook=replace(USUAL, namespaces=selector), associations=both, pods=(MISSED, elsewhere))
        verdict = only(ID, snapshot)
        assert (verdict.outcome.value, verdict.chain) == ("fail", ("shop/orders",))
        assert "its namespaceSelector may exclude namespace shop" in verdict.message
    of_name = replace(USUAL, namespaces=Selector(requirements=(Requirement(NAMESPACE_NAME, "NotIn", ("db",)),)))
    assert answers(ID, healthy(webhook=of_name, associations=both, pods=(MISSED, elsewhere)))[0][0] == "pass"
