"""The reduced policies of a role, and the permissions that stay."""

import json
from pathlib import Path

import pytest

from ops.audit.roles import ROLE, SQS, allow, policies, put_policy, sized, tried, with_used_actions
from worlds import Site


@pytest.fixture
def used(shared: Site) -> Site:
    return with_used_actions(shared)


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


def test_what_is_kept(used: Site) -> None:
    document = sized(used, "--keep", "dynamodb:DeleteTable", "--keep", "s3:GetObject")
    inline = next(item for item in document["policies"] if item["policy"] == "dynamodb-read")
    assert inline["proposed"]["Statement"][0]["Action"] == [
        "dynamodb:ListTables",
        "dynamodb:DeleteTable",
        "s3:GetObject",
    ]


def test_events_show_actions_that_iam_does_not_track(used: Site, tmp_path: Path) -> None:
    put_policy(used, allow("s3:GetObject", "s3:PutObject"))
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
    # a trail can exclude the events of KMS
    tried(used, "kms", "Decrypt")
    put_policy(used, allow("s3:GetObject", "kms:Decrypt"))
    document = sized(used, "--events", str(file))
    inline = next(item for item in document["policies"] if item["policy"] == "dynamodb-read")
    assert inline["change"] == "unchanged"
    assert any("has no events of kms" in note for note in document["notes"]), document["notes"]
    file.write_text(json.dumps({"Records": [{**record, "eventTime": at, "userIdentity": {}}]}))
    outcome = used("right-size", "shop/orders", "--events", str(file))
    assert (outcome.code, outcome.stdout) == (5, "")
    assert "has no event of role shop-orders" in outcome.stderr


def test_the_rest_of_a_managed_policy_replaces_no_other_policy(used: Site) -> None:
    """A previous run may have left an inline policy of its name; a policy of the customer may have the same name."""
    iam, name = used.aws("iam"), "AmazonSQSReadOnlyAccess"
    for policy, action in ((f"{name}-right-sized", "s3:GetObject"), (f"{name}-right-sized-3", "s3:PutObject")):
        document = {"Version": "2012-10-17", "Statement": [allow(action)]}
        iam.put_role_policy(RoleName="shop-orders", PolicyName=policy, PolicyDocument=json.dumps(document))
    document = {"Version": "2012-10-17", "Statement": [allow("dynamodb:ListTables", "dynamodb:DeleteTable")]}
    own = iam.create_policy(PolicyName=name, Path="/own/", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="shop-orders", PolicyArn=own)
    argv = ("right-size", "shop/orders", "--apply", "--adopt", "--yes", "--keep", "s3:GetObject")
    used.must(*argv)
    after = policies(used)
    assert [item["Action"] for item in after[f"{name}-right-sized"]["Statement"]] == [["s3:GetObject"]]
    assert {*after} == {"dynamodb-read", f"{name}-right-sized", *(f"{name}-right-sized-{n}" for n in (2, 4))}
    iam.attach_role_policy(RoleName="shop-orders", PolicyArn=own)  # as if the run had ended before it was detached
    used.must(*argv)
    assert policies(used) == after
