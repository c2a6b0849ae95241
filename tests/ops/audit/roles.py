"""Role shop-orders with permissions that it used, and others that it did not, for tests of audits."""

import json
from datetime import timedelta
from typing import Any

from worlds import ACCOUNT, Site

ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop-orders"
SQS = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
DAY = 86400.0
GRANTED = ("dynamodb:GetItem", "dynamodb:Query")


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def put_policy(site: Site, *statements: dict[str, Any], role: str = "shop-orders") -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    site.aws("iam").put_role_policy(RoleName=role, PolicyName="dynamodb-read", PolicyDocument=document)


def tried(site: Site, service: str, action: str, *, days: float = 0, role: str = ROLE) -> None:
    """Record a use of the role's permission, `days` ago."""
    site.box.gateway.last_use.tried(role, service, action, site.clock.now() - days * DAY)


def aged(site: Site) -> Site:
    """Return the site with its first policy, 120 days after its creation, without a use of the role."""
    iam, world = site.aws("iam"), site.box.world
    put_policy(site, allow(*GRANTED))
    for policy in iam.list_attached_role_policies(RoleName="shop-orders")["AttachedPolicies"]:
        iam.detach_role_policy(RoleName="shop-orders", PolicyArn=policy["PolicyArn"])
    if iam.get_role(RoleName="shop-orders")["Role"]["CreateDate"] > site.clock.datetime() - timedelta(days=120):
        site.clock.advance(120 * DAY)
    world.accesses.clear()
    world.reports.clear()
    world.delays.report = 1.0
    return site


def with_used_actions(site: Site) -> Site:
    """Return the aged site. The role has an inline and a managed policy, and used an action of each of two services."""
    aged(site)
    put_policy(site, allow("dynamodb:ListTables", "dynamodb:DeleteTable", "s3:*"))
    site.aws("iam").attach_role_policy(RoleName="shop-orders", PolicyArn=SQS)
    tried(site, "dynamodb", "ListTables")
    tried(site, "sqs", "GetQueueUrl")
    return site


def unused_report(site: Site, *argv: str, code: int = 0) -> dict[str, Any]:
    outcome = site("unused", *argv, "-o", "json")
    assert outcome.code == code, outcome
    document: dict[str, Any] = json.loads(outcome.stdout)
    return document


def of_kind(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [item for item in document["items"] if item["kind"] == kind]


def policies(site: Site) -> dict[str, Any]:
    """Return the documents of the inline policies by name, and None for each managed one by ARN."""
    iam = site.aws("iam")
    names = iam.list_role_policies(RoleName="shop-orders")["PolicyNames"]
    inline = {n: iam.get_role_policy(RoleName="shop-orders", PolicyName=n)["PolicyDocument"] for n in names}
    attached = iam.list_attached_role_policies(RoleName="shop-orders")["AttachedPolicies"]
    return {**inline, **{item["PolicyArn"]: None for item in attached}}


def sized(site: Site, *argv: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(site.must("right-size", "shop/orders", *argv, "-o", "json").stdout)
    return document
