"""Unused permissions and reduced policies as tables and text."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from checks.builder import role
from podid.domain.names import ServiceAccountRef
from podid.domain.section import Unread
from podid.ops.audit.right_size import RightSizing, SizedPolicy
from podid.ops.audit.unused import UnusedItem, UnusedReport
from podid.render.access import right_size_view, unused_view
from render.shown import texts

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROLE = "arn:aws:iam::111122223333:role/apps/orders"
REPORT = UnusedReport(
    cluster="demo",
    taken_at=NOW,
    since=NOW - timedelta(days=90),
    items=(
        UnusedItem(
            kind="association",
            verdict="unknown",
            role_arn=ROLE,
            namespace="shop",
            service_account="orders",
            source="cloudtrail",
            reason="others can assume it",
        ),
        UnusedItem(
            kind="service",
            verdict="unused",
            role_arn=ROLE,
            services=("dynamodb", "kms", "s3", "sns", "sqs"),
            last_used_at=NOW - timedelta(days=100),
            source="service-last-accessed",
        ),
    ),
    unread=(Unread("policies of role cart", "it is denied", "iam:GetRolePolicy"),),
    limits=("IAM is late",),
)


def test_a_row_for_each_unused_part() -> None:
    (table,) = unused_view(REPORT, 90, short=False).tables
    assert [column.title for column in table.columns][:2] == ["KIND", "VERDICT"]
    assert list(table.rows) == [
        ("association", "unknown", "orders", "shop/orders", "-", "never", "others can assume it"),
        ("service", "unused", "orders", "-", "dynamodb, kms, s3, sns, sqs", "100d ago", "-"),
    ]
    assert table.styles[0, 1] == "warn"


def test_a_terminal_shows_the_beginning_of_long_lists() -> None:
    view = unused_view(REPORT, 90, short=True)
    assert view.tables[0].rows[1][4] == "dynamodb, kms, s3, sns and 1 more"
    assert view.names == ("shop/orders", "orders")


def test_notes_name_the_counts_the_unread_parts_and_the_limits() -> None:
    summary, unread, limit = texts(unused_view(REPORT, 90, short=True).notes)
    assert summary == "1 item not used since 2026-08-26T12:00:00Z, 1 unknown"
    assert unread.startswith("Not checked: policies of role cart")
    assert limit == "IAM is late"


BEFORE = {"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"}]}
AFTER = {"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}]}
SIZING = RightSizing(
    cluster="demo",
    ref=ServiceAccountRef("shop", "orders"),
    role=role(ROLE),
    since=REPORT.since,
    policies=(SizedPolicy(policy="read", change="reduced", before=BEFORE, after=AFTER, inline_name="read"),),
    removed=("s3:PutObject",),
    unknown=("sqs:*",),
    notes=(),
)


def test_the_difference_of_a_policy() -> None:
    lines = texts(right_size_view(SIZING).lines)
    assert lines[0].startswith("Role orders: not used since ")
    assert "--- inline policy read" in lines
    assert [line for line in lines if line.startswith("-  ")] == [
        '-        "s3:GetObject",',
        '-        "s3:PutObject"',
    ]
    assert lines[-1] == "Kept, because their use is not known: sqs:*"


def test_a_removed_policy_and_one_without_a_change() -> None:
    (policy,) = SIZING.policies
    removed = replace(policy, change="removed", after=None, inline_name="")
    assert "+++ /dev/null" in texts(right_size_view(replace(SIZING, policies=(removed,))).lines)
    same = replace(SIZING, policies=(replace(policy, change="unchanged", after=BEFORE),), unknown=())
    assert texts(right_size_view(same).lines)[0].startswith("Every permission of role orders was used since ")
