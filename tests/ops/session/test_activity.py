"""The calls of a service account's pods in CloudTrail, by action."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.session.support import pods_call, read
from podid.domain.cloudtrail import SessionCall
from podid.ops.session import activity
from podid.ops.session.activity import by_action
from worlds import ACCOUNT, Site

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def call(minutes: int, action: str = "ListQueues", code: str = "", message: str = "") -> SessionCall:
    at = NOW - timedelta(minutes=minutes)
    return SessionCall(at=at, service="sqs", action=action, error_code=code, error_message=message)


def test_calls_are_counted_by_action() -> None:
    calls = [
        *(call(minutes) for minutes in (3, 9, 5)),
        call(8, "GetQueueUrl", "AWS.SimpleQueueService.NonExistentQueue", "no such queue"),
        call(7, "SendMessage", "AccessDenied", "User is not authorized, token eyJhbGciOi.e30.x"),
        call(6, "SendMessage"),
    ]
    denied, listed, failed = by_action(calls)
    assert (denied.action, denied.calls, denied.errors, denied.denied) == ("sqs:SendMessage", 2, 1, 1)
    assert denied.last_error == "AccessDenied: User is not authorized, token [token]"
    assert (denied.first, denied.last) == (NOW - timedelta(minutes=7), NOW - timedelta(minutes=6))
    assert (listed.action, listed.calls, listed.errors, listed.last_error) == ("sqs:ListQueues", 3, 0, "")
    assert (listed.first, listed.last) == (NOW - timedelta(minutes=9), NOW - timedelta(minutes=3))
    assert (failed.errors, failed.denied) == (1, 0)


def test_calls_of_pods(healthy: Site) -> None:
    healthy.must("verify", "shop/orders", "--yes")
    pods_call(healthy, "eks:list_clusters", "ec2:describe_vpcs", "eks:list_clusters")
    result = read(healthy)
    assert (result["calls"], result["errors"], result["denied"], result["sessions"]) == (4, 3, 3, 1)
    assert [(item["action"], item["calls"], item["denied"]) for item in result["actions"]] == [
        ("eks:ListClusters", 2, 2),
        ("ec2:DescribeVpcs", 1, 1),
        ("sts:GetCallerIdentity", 1, 0),
    ]
    assert result["actions"][0]["lastError"].startswith(
        f"AccessDenied: User: arn:aws:sts::{ACCOUNT}:assumed-role/shop-"
    )
    assert result["actions"][1]["lastError"].startswith("Client.UnauthorizedOperation: ")
    outcome = healthy("activity", "shop/orders")
    assert outcome.code == 0
    assert outcome.stdout.splitlines()[0].split("\t") == ["eks:ListClusters", "2", "2", "2", "2m ago", "0s ago"]
    summary, *limits = outcome.stderr.splitlines()
    assert summary.startswith("shop/orders: 4 calls in 1 session since ")
    assert summary.endswith("3 failed, 3 denied")
    assert limits[0].startswith("Not included: data events, ")


def test_calls_of_other_service_accounts_are_not_counted(healthy: Site) -> None:
    healthy.must("verify", "shop/orders", "--yes")
    healthy.associate("shop", "cart", "shop-orders")
    result = healthy.must("activity", "shop/cart", "-o", "json").json
    assert (result["sessions"], result["actions"]) == (0, [])


def test_events_appear_late(healthy: Site) -> None:
    healthy.box.world.delays.trail = 900.0
    healthy.must("verify", "shop/orders", "--yes")
    assert read(healthy)["calls"] == 0
    healthy.clock.advance(901)
    assert read(healthy)["calls"] == 1


def test_omitted_sessions_and_calls_are_limits(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        healthy.must("verify", "shop/orders", "--yes")
    monkeypatch.setattr(activity, "MOST_SESSIONS", 2)
    result = read(healthy)
    assert (result["sessions"], result["calls"]) == (2, 2)
    assert result["limits"][0] == "calls of 1 older session"
    monkeypatch.setattr(activity, "MOST_EVENTS", 2)
    pods_call(healthy, "eks:list_clusters", "ec2:describe_vpcs", "eks:list_clusters")
    limits = read(healthy)["limits"]
    assert limits[0].startswith("sessions of role arn:aws:iam::111122223333:role/shop-orders beyond the newest 2")
    assert limits[1].startswith("calls of session eks-demo-")


def test_a_target_role_of_another_account(site: Site) -> None:
    site.with_agent().with_identity().with_target("444455556666")
    result = read(site)
    assert result["roleArn"] == "arn:aws:iam::444455556666:role/reports-reader"
    assert result["limits"][0] == "calls with target role reports-reader: they are in account 444455556666"
