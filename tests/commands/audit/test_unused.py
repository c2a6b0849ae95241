"""`podid unused`: its table, its exit codes and its options."""

import pytest

from ops.audit.roles import aged, tried, unused_report
from worlds import Site


@pytest.mark.parametrize(
    "action",
    [
        "iam:GenerateServiceLastAccessedDetails",
        "iam:GetServiceLastAccessedDetails",
        "iam:GetRole",
        "iam:GetRolePolicy",
    ],
)
def test_a_denied_read_is_undetermined(shared: Site, action: str) -> None:
    old = aged(shared)
    tried(old, "sqs", "GetQueueUrl")
    old.box.world.credentials.deny(action)
    document = unused_report(old, "shop/orders", code=9)
    assert action in {part["permission"] for part in document["unread"]}


def test_a_report_that_does_not_come_in_time(shared: Site) -> None:
    old = aged(shared)
    tried(old, "sqs", "GetQueueUrl")
    old.box.world.delays.report = 10_000.0
    document = unused_report(old, "shop/orders", "--timeout", "30s", code=9)
    assert [part["reason"] for part in document["unread"]] == ["IAM did not finish the report on last use in time"]
    assert old.slept >= 20


def test_the_longest_period_that_iam_reports(shared: Site) -> None:
    old = aged(shared)
    outcome = old("unused", "--older-than", "401d")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "400 days" in outcome.stderr


def test_the_table_and_its_summary(shared: Site) -> None:
    old = aged(shared)
    tried(old, "sqs", "GetQueueUrl")
    outcome = old("unused", "shop/orders")
    assert outcome.stdout.splitlines() == ["service\tunused\tshop-orders\t-\tdynamodb\tnever\t-"]
    assert "not used since" in outcome.stderr
