"""Roles that a role of an association can assume, with and without session tags."""

import json

from ops.reading.reports import findings
from worlds import ACCOUNT, Site

FOREIGN = "arn:aws:iam::444455556666:role/reader"


def policy(site: Site, *actions: str, resource: str = FOREIGN) -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}],
    }
    iam = site.aws("iam")
    arn = iam.create_policy(PolicyName=f"p{len(actions)}", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="shop-orders", PolicyArn=arn)


def test_a_role_of_another_account_without_the_permission_to_tag(healthy: Site) -> None:
    policy(healthy, "sts:AssumeRole")
    assert findings(healthy) == {"chained-assume-missing-tag-session": "error"}
    policy(healthy, "sts:AssumeRole", "sts:TagSession")
    assert findings(healthy) == {}


def test_a_managed_policy_of_aws_can_allow_the_tags(healthy: Site) -> None:
    policy(healthy, "sts:AssumeRole")
    for name in ("AdministratorAccess", "PowerUserAccess"):
        attached = {"RoleName": "shop-orders", "PolicyArn": f"arn:aws:iam::aws:policy/{name}"}
        healthy.aws("iam").attach_role_policy(**attached)
        assert findings(healthy) == {}
        healthy.aws("iam").detach_role_policy(**attached)
    assert findings(healthy) != {}


def test_a_policy_that_cannot_be_read_is_unknown(healthy: Site) -> None:
    policy(healthy, "sts:AssumeRole")
    for action in ("iam:GetPolicy", "iam:GetPolicyVersion"):
        healthy.box.world.credentials.deny(action)
        outcome = healthy("doctor", "-o", "json")
        assert (outcome.code, outcome.json["findings"]) == (9, [])
        assert {item["permission"] for item in outcome.json["unknowns"]} == {action}
        healthy.box.world.credentials.allow_again()


def test_a_role_of_the_account_whose_trust_lacks_the_tags(healthy: Site) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/reports"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": ["sts:AssumeRole"]}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    healthy.aws("iam").create_role(RoleName="reports", AssumeRolePolicyDocument=json.dumps(document))
    policy(healthy, "sts:AssumeRole", "sts:TagSession", resource=arn)
    assert findings(healthy) == {"chained-assume-missing-tag-session": "error"}
    trust["Action"] = ["sts:AssumeRole", "sts:TagSession"]
    healthy.trust("reports", document)
    assert findings(healthy) == {}
