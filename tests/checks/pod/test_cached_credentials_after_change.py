from datetime import datetime, timedelta

import pytest

from checks.builder import NO_PODS, ago, association, bare, healthy, pod
from checks.grid import answers
from harness import table
from podid.domain.evidence import RecentChanges

ID = "cached-credentials-after-change"
FAILS = healthy(associations=(association(modified_at=ago(hours=4)),))
UNKNOWN = NO_PODS
FINDINGS = [("fail", "warn", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]


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
    assert answers(ID, snapshot) == [(*expected, "Deployment shop/orders")]


@table(
    ("created", "expected"),
    [(ago(hours=4), ("fail", "warn")), (ago(hours=7), ("pass", "warn")), (ago(hours=9), ("pass", "warn"))],
)
def test_pods_of_an_association_that_was_deleted_and_created_again(
    created: datetime, expected: tuple[str, str]
) -> None:
    for modified in (created, None):
        again = association(created_at=created, modified_at=modified)
        snapshot = healthy(associations=(again,), pods=(pod(created_at=ago(hours=8)),))
        assert answers(ID, snapshot) == [(*expected, "Deployment shop/orders")]
        by_hand = healthy(associations=(again,), pods=(pod(created_at=ago(hours=8), volumes=()),))
        assert answers(ID, by_hand) == [("pass", "warn", "Deployment shop/orders")], "the manifest sets the variables"


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
def test_a_change_of_podid_that_kept_the_role_is_no_change(kept: dict[str, datetime], expected: str) -> None:
    changes = RecentChanges(kept_role=kept)
    snapshot = healthy(associations=(association(modified_at=ago(hours=4)),), changes=changes)
    assert answers(ID, snapshot) == [(expected, "warn", "Deployment shop/orders")]


def test_a_pod_without_injected_fields_is_not_judged() -> None:
    snapshot = healthy(associations=(association(modified_at=ago(hours=4)),), pods=(bare(pod()),))
    assert [outcome for outcome, _, _ in answers(ID, snapshot)] == ["not-applicable"]
