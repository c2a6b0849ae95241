"""The nodes and edges of a cluster's graph, and the parts that could not be read."""

import json
from typing import Any

import pytest

from worlds import ACCOUNT, Site

ROLE = f"role:arn:aws:iam::{ACCOUNT}:role/shop-orders"
TARGET = f"role:arn:aws:iam::{ACCOUNT}:role/reports-reader"
DEMO = f"arn:aws:eks:us-west-2:{ACCOUNT}:cluster/demo"
ORDERS = f"service-account:{DEMO}/shop/orders"


def drawn(site: Site, *argv: str) -> tuple[dict[str, Any], set[tuple[str, str, str]]]:
    document = json.loads(site.must("graph", *argv, "-o", "json").stdout)
    edges = {(edge["source"], edge["target"], edge["kind"]) for edge in document["edges"]}
    return {node["id"]: node for node in document["nodes"]}, edges


def put_policy(site: Site, role: str, *statements: dict[str, Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    site.aws("iam").put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=document)


def allow(action: Any, resource: Any = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def test_the_way_of_an_identity_with_a_target_role(healthy: Site) -> None:
    healthy.with_target()
    put_policy(healthy, "reports-reader", allow(["s3:GetObject", "S3:List*"]))
    nodes, edges = drawn(healthy)
    assert edges == {
        (f"cluster:{DEMO}", ORDERS, "has"),
        (f"cluster:{DEMO}", f"account:{ACCOUNT}", "belongs-to"),
        (ORDERS, ROLE, "assumes"),
        (ROLE, TARGET, "assumes"),
        (ROLE, f"account:{ACCOUNT}", "belongs-to"),
        (TARGET, f"account:{ACCOUNT}", "belongs-to"),
        (ROLE, "service:dynamodb", "allows"),
        (ROLE, "service:sts", "allows"),
        (TARGET, "service:s3", "allows"),
    }
    assert (nodes[ROLE]["kind"], nodes[TARGET]["kind"]) == ("role", "target-role")
    assert (nodes[ORDERS]["exists"], nodes[ROLE]["exists"], nodes[TARGET]["exists"]) == (True, True, True)
    assert [node["unread"] for node in nodes.values()] == [None] * len(nodes)


def test_policies_name_roles_and_all_services(healthy: Site) -> None:
    other = f"arn:aws:iam::{ACCOUNT}:role/storefront"
    put_policy(healthy, "shop-orders", allow("*"), allow("sts:AssumeRole", other))
    nodes, edges = drawn(healthy, "shop/orders")
    assert (ROLE, f"role:{other}", "can-assume") in edges
    assert (ROLE, "service:*", "allows") in edges
    assert nodes[f"role:{other}"]["unread"] == "its policies were not read, because no association uses it"


def test_missing_objects_are_marked(site: Site) -> None:
    site.with_samples()
    site.associate("shop", "orders", "storefront")
    nodes, _ = drawn(site)
    assert nodes[f"service-account:{DEMO}/payments/bilingworker"]["exists"] is False
    assert nodes[ORDERS]["exists"] is True


@pytest.mark.parametrize(
    ("action", "node", "reason"),
    [
        ("iam:GetRolePolicy", ROLE, "GetRolePolicy"),
        ("iam:GetRole", ROLE, "GetRole"),
    ],
)
def test_a_denied_read_is_told_and_makes_the_graph_incomplete(
    healthy: Site, action: str, node: str, reason: str
) -> None:
    healthy.box.world.credentials.deny(action)
    outcome = healthy("graph", "-o", "json")
    nodes = {item["id"]: item for item in json.loads(outcome.stdout)["nodes"]}
    assert outcome.code == 9
    assert reason in nodes[node]["unread"]
