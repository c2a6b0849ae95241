"""The identity of credentials, decided dry runs, and changes that have not settled."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.values import ACCOUNT, NOW, association, role_arn
from harness import table
from podid.domain.errors import InvalidInput
from podid.domain.evidence import DryRun, RecentChanges, identified, is_propagated


@table(
    ("caller", "same", "role"),
    [
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/s", True, role_arn("team/orders")),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/other/s", False, role_arn("other")),
        ("arn:aws:sts::999988887777:assumed-role/orders/s", False, role_arn("orders", "999988887777")),
        (f"arn:aws:iam::{ACCOUNT}:user/orders", False, f"arn:aws:iam::{ACCOUNT}:user/orders"),
    ],
)
def test_the_identity_of_credentials(caller: str, same: bool, role: str) -> None:
    redeemed, is_same = identified(association(role_arn=role_arn("team/orders")), caller, NOW)
    assert (is_same, redeemed.role_arn, redeemed.expires_at) == (same, role, NOW)


def test_a_caller_that_is_not_an_arn() -> None:
    with pytest.raises(InvalidInput):
        identified(association(), "me")


def test_the_target_role_is_the_expected_one() -> None:
    chained = association(target_role_arn=role_arn("reports"))
    assert identified(chained, f"arn:aws:sts::{ACCOUNT}:assumed-role/reports/s")[1]
    assert not identified(chained, f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/s")[1]


@table(
    ("run", "decided", "failed"),
    [
        (DryRun(), False, False),
        (DryRun(hits=5, rounds=5, needed=5, last=NOW), True, False),
        (DryRun(hits=4, rounds=4, needed=5, last=NOW), False, False),
        # the control plane may still receive a recent association
        (DryRun(misses=1, needed=5, last=NOW), False, False),
        (DryRun(misses=1, needed=1, last=NOW), True, True),
        (DryRun(needed=1), False, False),
    ],
)
def test_dry_runs_that_decide(run: DryRun, decided: bool, failed: bool) -> None:
    assert (run.decided, run.failed) == (decided, failed)


@table(("seconds", "propagated"), [(0, False), (120, False), (121, True)])
def test_an_association_that_every_api_server_has_received(seconds: int, propagated: bool) -> None:
    changed = NOW - timedelta(seconds=seconds)
    assert is_propagated(association(created_at=NOW - timedelta(days=1), modified_at=changed), NOW) is propagated
    assert is_propagated(association(created_at=changed), NOW) is propagated
    assert is_propagated(association(), NOW)


def ago(seconds: int) -> Any:
    return NOW - timedelta(seconds=seconds)


@table(
    ("changes", "roles", "expected"),
    [
        ({}, {}, ""),
        ({"modified_at": ago(5)}, {}, "the association was changed 5 s ago"),
        ({"modified_at": ago(21)}, {}, ""),
        # clocks differ
        ({"modified_at": ago(-3)}, {}, "the association was changed 0 s ago"),
        ({}, {"orders": ago(59)}, "role orders was changed 59 s ago"),
        ({}, {"orders": ago(61), "cart": ago(1)}, ""),
        ({"target_role_arn": role_arn("t")}, {"t": ago(2)}, "role t was changed 2 s ago"),
        ({"target_role_arn": role_arn("t", "999988887777")}, {"t": ago(2)}, ""),
    ],
)
def test_changes_that_have_not_settled(changes: dict[str, Any], roles: dict[str, Any], expected: str) -> None:
    assert RecentChanges(ACCOUNT, roles).settling(association(**changes), NOW) == expected


def test_the_time_of_a_change_with_an_effect_on_credentials() -> None:
    earlier = NOW - timedelta(hours=1)
    changes = RecentChanges(ACCOUNT, kept_role={"shop/orders": NOW}, effective={"shop/orders": earlier})
    for item, expected in (
        (association(modified_at=NOW + timedelta(seconds=5)), earlier),
        (association(modified_at=NOW + timedelta(seconds=6)), NOW + timedelta(seconds=6)),
        (association(service_account="cart", modified_at=NOW), NOW),
    ):
        assert changes.changed_at(item) == expected
    assert replace(changes, effective={}).changed_at(association(modified_at=NOW)) is None
