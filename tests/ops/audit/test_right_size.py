"""`right-size`: the difference, the plan of --apply and its undo, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from worlds import ACCOUNT, ORDERS, POLICY, Site, trust_for

pytestmark = pytest.mark.sampled(3)

ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop-orders"
SQS = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
DAY = 86400.0


@pytest.fixture
def used(healthy: Site) -> Site:
    """Role shop-orders is old, has an inline and a managed policy, and has used one action of each of two services."""
    put(healthy, allow("dynamodb:ListTables", "dynamodb:DeleteTable", "s3:*"))
    healthy.aws("iam").attach_role_policy(RoleName="shop-orders", PolicyArn=SQS)
    healthy.clock.advance(120 * DAY)
    tried(healthy, "dynamodb", "ListTables")
    tried(healthy, "sqs", "GetQueueUrl")
    return healthy


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def put(site: Site, *statements: dict[str, Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    site.aws("iam").put_role_policy(RoleName="shop-orders", PolicyName="dynamodb-read", PolicyDocument=document)


def tried(site: Site, service: str, action: str, role: str = ROLE) -> None:
    site.box.gateway.last_use.tried(role, service, action)


def policies(site: Site) -> dict[str, Any]:
    """The documents of the inline policies by name, and None for each managed one."""
    iam = site.aws("iam")
    names = iam.list_role_policies(RoleName="shop-orders")["PolicyNames"]
    inline = {n: iam.get_role_policy(RoleName="shop-orders", PolicyName=n)["PolicyDocument"] for n in names}
    attached = iam.list_attached_role_policies(RoleName="shop-orders")["AttachedPolicies"]
    return {**inline, **{item["PolicyArn"]: None for item in attached}}


def sized(site: Site, *argv: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(site.must("right-size", "shop/orders", *argv, "-o", "json").stdout)
    return document


def test_the_difference_changes_nothing(used: Site) -> None:
    before = policies(used)
    outcome = used.must("right-size", "shop/orders")
    assert '-        "dynamodb:DeleteTable",' in outcome.stdout
    assert "--- managed policy arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess" in outcome.stdout
    assert "+++ inline policy AmazonSQSReadOnlyAccess-right-sized" in outcome.stdout
    assert "IAM reports use up to four hours late" in outcome.stderr
    assert policies(used) == before
    document = sized(used)
    changes = {item["policy"]: (item["change"], item["inlineName"]) for item in document["policies"]}
    assert changes == {
        "dynamodb-read": ("reduced", "dynamodb-read"),
        SQS: ("reduced", "AmazonSQSReadOnlyAccess-right-sized"),
    }
    assert {"dynamodb:DeleteTable", "s3:*"} <= {*document["removed"]}
    assert document["roleArn"] == ROLE


def test_apply_writes_the_rest_and_undo_restores_it(used: Site) -> None:
    before = policies(used)
    outcome = used("right-size", "shop/orders", "--apply", "--adopt")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert policies(used) == before
    used.must("right-size", "shop/orders", "--apply", "--adopt", "--yes")
    after = policies(used)
    assert {*after} == {"dynamodb-read", "AmazonSQSReadOnlyAccess-right-sized"}
    assert after["dynamodb-read"]["Statement"] == [{**allow(), "Action": "dynamodb:ListTables"}]
    assert "sqs:GetQueueUrl" in json.dumps(after)
    assert "sqs:ListQueues" not in json.dumps(after)
    again = used.must("right-size", "shop/orders", "--apply", "--yes")
    assert again.stdout == "nothing to change\n"
    used.must("undo", "last", "--yes")
    assert policies(used) == before


def test_a_role_of_others_requires_adopt(used: Site) -> None:
    outcome = used("right-size", "shop/orders", "--apply", "--yes")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "--adopt" in outcome.stderr


def test_what_is_kept(used: Site) -> None:
    document = sized(used, "--keep", "dynamodb:DeleteTable", "--keep", "s3:GetObject")
    inline = next(item for item in document["policies"] if item["policy"] == "dynamodb-read")
    assert inline["proposed"]["Statement"][0]["Action"] == [
        "dynamodb:ListTables",
        "dynamodb:DeleteTable",
        "s3:GetObject",
    ]


def test_events_show_actions_that_iam_does_not_track(used: Site, tmp_path: Path) -> None:
    put(used, allow("s3:GetObject", "s3:PutObject"))
    tried(used, "s3", "GetObject")
    record = {
        "eventTime": "2026-11-23T10:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": ROLE}}},
        "resources": [{"ARN": "arn:aws:s3:::reports/2026/a"}, {"ARN": "arn:aws:s3:::reports"}],
    }
    at = used.clock.datetime().isoformat().replace("+00:00", "Z")
    file = tmp_path / "trail.json"
    file.write_text(json.dumps({"Records": [{**record, "eventTime": at}]}))
    document = sized(used, "--events", str(file))
    inline = next(item for item in document["policies"] if item["policy"] == "dynamodb-read")
    assert inline["proposed"]["Statement"] == [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/2026/a"}
    ]
    assert any("after the start of the window" in note for note in document["notes"])
    file.write_text(json.dumps({"Records": [{**record, "eventTime": at, "userIdentity": {}}]}))
    outcome = used("right-size", "shop/orders", "--events", str(file))
    assert (outcome.code, outcome.stdout) == (5, "")
    assert "has no event of role shop-orders" in outcome.stderr


@pytest.mark.parametrize("text", ["{", "[1]", '{"Records": [{"eventName": 1, "userIdentity": {}}]}'])
def test_a_malformed_file(used: Site, tmp_path: Path, text: str) -> None:
    file = tmp_path / "trail.json"
    file.write_text(text)
    outcome = used("right-size", "shop/orders", "--events", str(file))
    assert outcome.code in (2, 5)
    assert outcome.stdout == ""
    assert "bug" not in outcome.stderr


def test_the_target_role_is_reduced(used: Site) -> None:
    used.with_target()
    used.clock.advance(120 * DAY)
    tried(used, "s3", "GetObject", role=f"arn:aws:iam::{ACCOUNT}:role/reports-reader")
    assert sized(used)["roleArn"].endswith("/reports-reader")


def test_a_target_role_of_another_account(used: Site) -> None:
    used.with_target("444455556666")
    outcome = used("right-size", "shop/orders")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "is in account 444455556666" in outcome.stderr


@pytest.mark.parametrize("action", ["iam:GetServiceLastAccessedDetails", "iam:GetRolePolicy", "iam:GetPolicyVersion"])
def test_without_a_permission_there_is_no_result(used: Site, action: str) -> None:
    used.box.world.credentials.deny(action)
    outcome = used("right-size", "shop/orders")
    assert (outcome.code, outcome.stdout) == (4, "")
    assert action in outcome.stderr


def test_nothing_of_a_role_that_iam_may_not_report_yet_is_removed(healthy: Site) -> None:
    healthy.aws("iam").create_role(RoleName="young", AssumeRolePolicyDocument=json.dumps(trust_for(ORDERS)))
    healthy.aws("iam").put_role_policy(RoleName="young", PolicyName="all", PolicyDocument=json.dumps(POLICY))
    healthy.must("associate", "shop/orders", "--role", "young", "--replace", "--wait", "api")
    document = sized(healthy)
    assert ([item["change"] for item in document["policies"]], document["removed"]) == (["unchanged"], [])
    assert document["unknown"] == ["dynamodb:GetItem", "dynamodb:Query"]
    assert any("IAM may not report any use yet" in note for note in document["notes"])
    assert any("only with --events" in note for note in document["notes"])
    healthy.clock.advance(4 * 3600 + 60)
    assert [item["change"] for item in sized(healthy)["policies"]] == ["removed"]


def test_dry_run_requires_apply(used: Site) -> None:
    outcome = used("right-size", "shop/orders", "--dry-run")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "--apply" in outcome.stderr
    assert (
        json.loads(used.must("right-size", "shop/orders", "--apply", "--adopt", "--dry-run", "-o", "json").stdout)[
            "kind"
        ]
        == "Plan"
    )


def test_actions_that_iam_does_not_report_yet_are_kept_by_cloudtrail(healthy: Site) -> None:
    put(healthy, allow("ec2:DescribeVpcs", "ec2:DescribeSubnets", "s3:GetObject"))
    healthy.clock.advance(120 * DAY)
    healthy.must("verify", "shop/orders", "--yes")
    key = next(key for key in reversed(list(healthy.box.world.credentials._by_key.values())) if key.of_pod)
    healthy.aws("ec2", key=key).describe_vpcs()
    healthy.clock.advance(60)
    healthy.box.world.accesses.clear()  # IAM is late
    (policy,) = sized(healthy)["policies"]
    assert (policy["change"], policy["proposed"]) == ("removed", None)
    document = sized(healthy, "--cloudtrail")
    (policy,) = document["policies"]
    assert policy["proposed"]["Statement"] == [{**allow("ec2:DescribeVpcs"), "Action": "ec2:DescribeVpcs"}]
    assert [note for note in document["notes"] if "calls of shop/orders in CloudTrail since" in note]
    healthy.clock.advance(4 * 3600)
    (policy,) = sized(healthy, "--cloudtrail")["policies"]
    assert policy["proposed"] is None
    healthy.box.world.credentials.deny("cloudtrail:LookupEvents")
    outcome = healthy("right-size", "shop/orders", "--cloudtrail")
    assert (outcome.code, outcome.stdout, "cloudtrail:LookupEvents" in outcome.stderr) == (4, "", True)
