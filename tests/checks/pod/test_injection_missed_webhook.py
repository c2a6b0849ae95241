import pytest

from checks.builder import DENIED, bare, healthy, pod
from checks.grid import answers
from podid.domain.snapshot import Snapshot

ID = "injection-missed-webhook"
FAILS = healthy(pods=(bare(pod()),))
UNKNOWN = healthy(webhook=DENIED)
FINDINGS = [
    ("fail", "error", "Deployment shop/orders"),
    ("pass", "error", "MutatingWebhookConfiguration pod-identity-webhook"),
]
UNKNOWNS = [
    ("pass", "error", "Deployment shop/orders"),
    ("unknown", "error", "MutatingWebhookConfiguration pod-identity-webhook"),
]


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (healthy(), ("pass", "error")),
        (healthy(webhook=None), ("fail", "error")),
        (healthy(webhook=DENIED), ("unknown", "error")),
        (healthy(webhook=None, associations=()), ("not-applicable", "error")),
    ],
)
def test_registrations_of_the_webhook(snapshot: Snapshot, expected: tuple[str, str]) -> None:
    subject = "MutatingWebhookConfiguration pod-identity-webhook"
    assert (*expected, subject) in answers(ID, snapshot)
