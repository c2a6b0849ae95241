"""Policies of resources: their decisions beside the role's policies, and policies that are not read."""

import json
from itertools import product
from typing import Any

import pytest

from harness import one_in
from ops.permissions.support import document, put
from worlds import ACCOUNT, Site

ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop-orders"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
BUCKET = "arn:aws:s3:::reports"
KEY = f"arn:aws:kms:us-west-2:{ACCOUNT}:key/1234abcd"
QUEUE = f"arn:aws:sqs:us-west-2:{ACCOUNT}:jobs"
SECRET = f"arn:aws:secretsmanager:us-west-2:{ACCOUNT}:secret:db-AbCdEf"
TOPIC = f"arn:aws:sns:us-west-2:{ACCOUNT}:jobs"
FUNCTION = f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:jobs"
TABLE = f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/jobs"
ACTIONS = {
    f"{BUCKET}/x": "s3:GetObject",
    KEY: "kms:Decrypt",
    QUEUE: "sqs:SendMessage",
    SECRET: "secretsmanager:GetSecretValue",
    TOPIC: "sns:Publish",
    FUNCTION: "lambda:InvokeFunction",
    TABLE: "dynamodb:PutItem",
    f"{TABLE}/index/by-date": "dynamodb:Query",
}


def grant(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": "*", "Resource": "*", **more}


def answered(site: Site, resource: str, *statements: dict[str, Any], allowed: bool, code: int = 0) -> dict[str, Any]:
    """The item of the action on the resource with these statements in its policy."""
    put(site, "own", document(ACTIONS[resource] if allowed else "ec2:DescribeVpcs"))
    policies = site.box.world.resource_policies
    policies.clear()
    if statements:
        policies[BUCKET if "s3" in resource else resource.partition("/index/")[0]] = {
            "Version": "2012-10-17",
            "Statement": list(statements),
        }
    outcome = site("can-i", "shop/orders", ACTIONS[resource], "--resource", resource, "-o", "json")
    assert outcome.code == code, outcome
    report: dict[str, Any] = outcome.json
    assert [item["what"] for item in report["notChecked"]][:1] != ["resource policies"]
    item: dict[str, Any] = report["items"][0]
    return item


@pytest.mark.parametrize("resource", ACTIONS)
def test_a_denial_of_the_resource(healthy: Site, resource: str) -> None:
    denied = answered(healthy, resource, grant("*", "Deny", Sid="No"), allowed=True, code=3)
    assert (denied["verdict"], denied["layer"], denied["statement"]["sid"]) == ("denied", "resource", "No")


@pytest.mark.parametrize("resource", [QUEUE, KEY])
def test_deny_and_allow(healthy: Site, resource: str) -> None:
    assert answered(healthy, resource, allowed=True)["verdict"] == "allowed"
    own = answered(healthy, resource, grant({"AWS": [ROLE]}), allowed=False)
    assert (own["verdict"], own["statement"]["layer"]) == ("allowed", "resource")
    # the account's policies decide
    assert answered(healthy, resource, grant({"AWS": ROOT}), allowed=False, code=3)["verdict"] == "denied"
    other = grant({"AWS": f"arn:aws:iam::{ACCOUNT}:role/other"}, "Deny")
    mine = grant({"AWS": ACCOUNT})
    assert answered(healthy, resource, other, mine, allowed=True)["verdict"] == "allowed"


@pytest.mark.parametrize("allowed", [True, False])
def test_the_organization_denies_what_the_resource_allows(healthy: Site, allowed: bool) -> None:
    healthy.box.iam.control_policies = [json.dumps(document("s3:*"))]
    item = answered(healthy, QUEUE, grant({"AWS": ROLE}), allowed=allowed, code=3)
    assert (item["verdict"], item["simulated"]) == ("denied", "denied")
    assert item["layer"] == ("organization" if allowed else "identity")


def test_a_key_policy_must_allow_it(healthy: Site) -> None:
    service = grant({"Service": "sqs.amazonaws.com"})
    denied = answered(healthy, KEY, service, allowed=True, code=3)
    assert denied["reason"] == "no statement of the key policy of key/1234abcd allows it"
    assert answered(healthy, BUCKET + "/x", service, allowed=True)["verdict"] == "allowed"


def test_a_required_policy_that_is_not_read_leaves_the_access_unknown(healthy: Site) -> None:
    put(healthy, "own", document("*"))
    healthy.box.world.credentials.deny("kms:GetKeyPolicy")
    # not the one of the path
    healthy.aws("iam").create_role(RoleName="reports", AssumeRolePolicyDocument=json.dumps(TRUST))
    role = f"arn:aws:iam::{ACCOUNT}:role/team/reports"
    for action, resource, words in (
        ("kms:Decrypt", KEY, "the key policy of key/1234abcd must allow it too"),
        ("sts:AssumeRole", role, "the trust policy of role reports must allow it too"),
    ):
        for command in ("can-i", "shop/orders"), ("who-can",):
            outcome = healthy(*command, action, "--resource", resource, "-o", "json")
            (item,) = outcome.json["items"]
            assert (outcome.code, item["verdict"], words in item["reason"]) == (9, "unknown", True)


TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {}, "Action": "sts:AssumeRole"}]}


@pytest.mark.parametrize(
    ("principal", "more", "allowed", "verdict"),
    [
        ({"AWS": ROOT}, {}, True, "allowed"),
        ({"AWS": ROOT}, {}, False, "denied"),
        ({"AWS": ROLE}, {}, False, "allowed"),
        ({"Service": "pods.eks.amazonaws.com"}, {}, True, "denied"),
        ({"AWS": ROLE}, {"Condition": {"StringEquals": {"sts:ExternalId": "x"}}}, True, "unknown"),
    ],
)
def test_the_trust_policy_of_a_role(
    healthy: Site, principal: dict[str, str], more: dict[str, Any], allowed: bool, verdict: str
) -> None:
    """It decides about sessions of the role, and not about changes of the role."""
    (plain,) = TRUST["Statement"]
    trust = {**TRUST, "Statement": [{**plain, **more, "Principal": principal}]}  # type: ignore[dict-item]
    healthy.aws("iam").create_role(RoleName="reports", AssumeRolePolicyDocument=json.dumps(trust))
    put(healthy, "own", document("iam:PassRole", *(["sts:AssumeRole"] if allowed else [])))
    arn = f"arn:aws:iam::{ACCOUNT}:role/reports"
    assert verdicts(healthy, "sts:AssumeRole", arn) == {verdict}
    assert verdicts(healthy, "iam:PassRole", arn) == {"allowed"}


STATEMENTS: dict[str, dict[str, Any]] = {
    "role": grant({"AWS": ROLE}),
    "account": grant({"AWS": ROOT}),
    "service": grant({"Service": "sqs.amazonaws.com"}),
    "deny": grant("*", "Deny"),
    "may deny": grant("*", "Deny", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}),
    "unreadable": {**grant("*"), "Effect": "Perhaps"},
}


@pytest.mark.parametrize(
    ("resource", "allowed", "name"), one_in(5, product((KEY, f"{BUCKET}/x", QUEUE), (True, False), STATEMENTS))
)
def test_who_can_answers_as_can_i(healthy: Site, resource: str, allowed: bool, name: str) -> None:
    put(healthy, "own", document(ACTIONS[resource] if allowed else "ec2:DescribeVpcs"))
    policy = {"Version": "2012-10-17", "Statement": [STATEMENTS[name]]}
    healthy.box.world.resource_policies[resource.removesuffix("/x")] = policy
    assert len(verdicts(healthy, ACTIONS[resource], resource)) == 1


def verdicts(site: Site, action: str, resource: str) -> set[str]:
    """Return the answers of can-i and who-can; denied if who-can does not list the service account."""
    (item,) = site("can-i", "shop/orders", action, "--resource", resource, "-o", "json").json["items"]
    listed = site("who-can", action, "--resource", resource, "-o", "json").json["items"]
    return {item["verdict"], listed[0]["verdict"] if listed else "denied"}


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (grant("*", "Deny", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}), "depends on aws:SourceVpce"),
        (grant({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/shop-orders/x"}, "Deny"), "depends on its principal"),
        ({**grant("", "Deny"), "Principal": None, "NotPrincipal": {"AWS": ROLE}}, "depends on its principal"),
    ],
)
def test_statements_that_cannot_be_evaluated(healthy: Site, statement: dict[str, Any], reason: str) -> None:
    plain = {key: value for key, value in statement.items() if value is not None}
    item = answered(healthy, QUEUE, plain, allowed=True, code=9)
    assert (item["verdict"], reason in item["reason"]) == ("unknown", True)


def test_a_session_policy_limits_what_a_resource_allows(healthy: Site) -> None:
    file = healthy.directory / "session.json"
    file.write_text(json.dumps(document("ec2:*")))
    healthy.must(
        "associate", "shop/orders", "--session-policy", str(file), "--replace", "--update-trust", "--wait", "none"
    )
    item = answered(healthy, QUEUE, grant({"AWS": ROLE}), allowed=False, code=3)
    assert (item["verdict"], item["layer"]) == ("denied", "session")
    assert item["reason"].endswith(" allows it, but no statement of the session policy allows it")
    item = answered(healthy, QUEUE, grant("*"), allowed=False, code=9)
    assert "no statement of the session policy allows it" in item["reason"]


def test_policies_that_are_not_read(healthy: Site) -> None:
    put(healthy, "own", document("*"))
    healthy.box.world.credentials.deny("s3:GetBucketPolicy")
    resources = (
        f"{BUCKET}/x",
        f"{BUCKET}/*",
        "arn:aws:ecr:us-west-2:111122223333:repository/t",
        "arn:aws:sqs:us-west-2:444455556666:q",
    )
    words = [word for resource in resources for word in ("--resource", resource)]
    report = healthy("can-i", "shop/orders", "s3:GetObject", *words, "-o", "json").json
    unread = {item["what"]: (item["reason"], item["permission"]) for item in report["notChecked"]}
    assert unread["the bucket policy of reports"][1] == "s3:GetBucketPolicy"
    assert unread[f"the resource policy of {BUCKET}/*"][0] == "it is not a single resource"
    assert unread[f"the resource policy of {resources[2]}"][0] == "podid does not read those of ecr"
    assert unread[f"the resource policy of {resources[3]}"][0] == "the resource is in account 444455556666"


def test_the_policy_of_a_new_topic(healthy: Site) -> None:
    """Its condition key is in no documentation of requests, so nothing is concluded from it."""
    denied = answered(healthy, TOPIC, allowed=False, code=9)
    assert (denied["verdict"], denied["keys"]) == ("unknown", ["AWS:SourceOwner"])
    assert answered(healthy, TOPIC, allowed=True)["verdict"] == "allowed"


@pytest.mark.parametrize("allowed", [True, False])
def test_a_policy_that_podid_reads_and_could_not_read_leaves_the_access_unknown(healthy: Site, allowed: bool) -> None:
    """It may deny the action, or allow it. A statement of the role that denies the action decides alone."""
    healthy.box.world.credentials.deny("sns:GetTopicAttributes")
    item = answered(healthy, TOPIC, allowed=allowed, code=9)
    assert (item["verdict"], item["missingPermission"]) == ("unknown", "sns:GetTopicAttributes")
    put(healthy, "denial", {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    assert answered(healthy, TOPIC, allowed=allowed, code=3)["verdict"] == "denied"
