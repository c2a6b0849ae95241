"""Target roles, new roles and calls of the last hours, in `podid right-size`."""

import json

from ops.audit.roles import DAY, allow, put_policy, sized, tried, with_used_actions
from worlds import ACCOUNT, ORDERS, POLICY, Site, trust_for


def test_the_target_role_is_reduced(healthy: Site) -> None:
    with_used_actions(healthy)
    healthy.with_target()
    healthy.clock.advance(120 * DAY)
    tried(healthy, "s3", "GetObject", role=f"arn:aws:iam::{ACCOUNT}:role/reports-reader")
    assert sized(healthy)["roleArn"].endswith("/reports-reader")


def test_a_target_role_of_another_account(healthy: Site) -> None:
    with_used_actions(healthy)
    healthy.with_target("444455556666")
    outcome = healthy("right-size", "shop/orders")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "is in account 444455556666" in outcome.stderr


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


def test_actions_that_iam_does_not_report_yet_are_kept_by_cloudtrail(healthy: Site) -> None:
    put_policy(healthy, allow("ec2:DescribeVpcs", "ec2:DescribeSubnets", "s3:GetObject"))
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
