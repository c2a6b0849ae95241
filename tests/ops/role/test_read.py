"""Roles with their verdicts for each association, their permissions, owner and findings."""

import json
from typing import Any

import pytest

from ops.role.support import WIDE, document, listed, shown
from podid.sandbox.baseline import add_role
from worlds import ACCOUNT, CLUSTER_ARN, ORDERS, ROLE_ARN, Site, trust_for

SPLIT = document({**WIDE, "Action": "sts:AssumeRole"}, {**WIDE, "Action": "sts:TagSession"})


PATTERN = document({**WIDE, "Condition": {"ArnLikeIfExists": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/demo"}}})


UNTAGGED = document({**WIDE, "Action": "sts:AssumeRole"})


@pytest.mark.parametrize("trust", [trust_for(ORDERS), SPLIT, PATTERN])
def test_a_role_that_works_is_listed(healthy: Site, trust: Any) -> None:
    healthy.trust("shop-orders", trust)
    item = listed(healthy)
    assert (item["associations"], item["refused"]) == (1, 0)
    shown = healthy.must("role", "show", "shop-orders", "-o", "json").json
    (use,) = shown["associations"]
    assert (use["clusterArn"], use["namespace"], use["serviceAccount"]) == (CLUSTER_ARN, "shop", "orders")
    assert (use["verdict"], use["hop"]) == ("match", 1)
    assert shown["usedBy"] == ["shop/orders"]


def test_without_tag_session_nobody_gets_in(healthy: Site) -> None:
    healthy.trust("shop-orders", UNTAGGED)
    outcome = healthy.must("role", "list")
    assert "shop-orders" not in outcome.stdout
    assert "shop-orders" in outcome.stderr
    none = healthy.must("role", "list", "-o", "json").json["admitNone"]
    why = "Statement[0] applies to EKS Pod Identity, but allows no pod: sts:TagSession is not allowed"
    assert {"roleName": "shop-orders", "reason": why} in none
    shown = healthy.must("role", "show", "shop-orders", "-o", "json").json
    ids = [finding["id"] for use in shown["associations"] for finding in use["findings"]]
    assert "trust-missing-tag-session" in ids
    assert (
        "shop/orders in cluster demo, us-west-2: not allowed; broken"
        in healthy.must("role", "show", "shop-orders").stdout
    )
    names = ", ".join(healthy.cluster.pod_names("shop", "orders"))
    assert f"    {names}\n" in healthy.must("role", "show", "shop-orders").stdout


def test_the_trust_of_a_target_role_is_asked_for_the_second_hop(healthy: Site) -> None:
    healthy.aws("iam").create_role(RoleName="target", AssumeRolePolicyDocument=_json(trust_of_target()))
    arn = f"arn:aws:iam::{ACCOUNT}:role/target"
    healthy.must(
        "associate", "shop/orders", "--role", "shop-orders", "--target-role", arn, "--replace", "--wait", "api"
    )
    (use,) = healthy.must("role", "show", "target", "-o", "json").json["associations"]
    assert (use["hop"], use["verdict"]) == (2, "match")


def trust_of_target() -> dict[str, Any]:
    return document({"Effect": "Allow", "Principal": {"AWS": ROLE_ARN}, "Action": ["sts:AssumeRole", "sts:TagSession"]})


def _json(value: object) -> str:
    return json.dumps(value)


def test_who_keeps_it_and_who_else_gets_in(healthy: Site) -> None:
    iam = healthy.aws("iam")
    tags = [{"Key": "ManagedBy", "Value": "terraform/prod"}]
    iam.tag_role(RoleName="shop-orders", Tags=tags)
    trust = trust_for(ORDERS)
    lambdas = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust["Statement"].append(lambdas)
    iam.update_assume_role_policy(RoleName="shop-orders", PolicyDocument=json.dumps(trust))
    found = shown(healthy)
    assert found["owner"] == {
        "tool": "Terraform",
        "detail": None,
        "tag": "ManagedBy",
        "evidence": "tag ManagedBy=terraform/prod",
        "certain": False,
    }
    assert found["otherPrincipals"] == ["lambda.amazonaws.com"]
    plan = healthy.must(
        *("role", "attach", "shop-orders", "--managed-policy", "AmazonSQSFullAccess", "--adopt", "--dry-run"),
        *("--take-over", "-o", "json"),
    ).json
    assert plan["notes"][0].startswith("role shop-orders probably belongs to Terraform (tag ManagedBy=")


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("trust", "id_", "severity"),
    [
        (UNTAGGED, "trust-missing-tag-session", "error"),
        (document(WIDE), "trust-too-broad", "warn"),
        (document({**WIDE, "Principal": "*"}), "trust-too-broad", "error"),
    ],
)
@pytest.mark.parametrize("used", [True, False])
def test_findings_by_id_whether_it_is_used_or_not(
    healthy: Site, trust: Any, id_: str, severity: str, used: bool
) -> None:
    healthy.aws("iam").update_assume_role_policy(RoleName="shop-orders", PolicyDocument=json.dumps(trust))
    if not used:
        healthy.must("disassociate", "shop/orders", "--yes", "--wait", "none")
    found = {(item["id"], item["severity"]): item for item in shown(healthy)["findings"]}
    assert (id_, severity) in found
    assert "zq7x" not in json.dumps(list(found.values()))
    if used and severity != "error":
        assert found[id_, severity]["subjects"] == ["shop/orders in cluster demo, us-west-2"]


def test_what_eks_sends_is_said_of_a_region_that_was_read(healthy: Site) -> None:
    """The pattern leaves the region open; another one than the cluster's is no example."""
    plain = document({**WIDE, "Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/demo"}}})
    add_role(healthy.box.world, healthy.box.iam, "plain", plain)
    findings = healthy.must("role", "show", "plain", "-o", "json").json["findings"]
    (shut,) = [item for item in findings if item["id"] == "trust-condition-never-matches"]
    assert CLUSTER_ARN in shut["message"], shut
    assert "us-east-1" not in shut["message"]


def test_a_role_without_permissions_and_one_for_many(healthy: Site) -> None:
    healthy.must("role", "create", "bare", "--for", "shop/a", "--for", "shop/b")
    assert [item["id"] for item in shown(healthy, "bare")["findings"]] == ["role-no-permissions"]
    for name in "ab":
        healthy.must("associate", f"shop/{name}", "--role", "bare", "--wait", "none")
    found = shown(healthy, "bare")["findings"]
    assert [(item["id"], item["severity"]) for item in found] == [
        ("role-no-permissions", "warn"),
        ("roles-shared-across-associations", "info"),
    ]
    assert found[1]["subjects"] == ["shop/a in cluster demo, us-west-2", "shop/b in cluster demo, us-west-2"]
    assert shown(healthy, "demo-node-role")["findings"] == []
    assert shown(healthy, "AWSServiceRoleForAmazonEKS")["findings"] == []


@pytest.mark.parametrize("name", ["shop-orders", "storefront"])
def test_a_deleted_principal_is_told_once(healthy: Site, name: str) -> None:
    """Whether the role is used or not."""
    gone = {"Effect": "Allow", "Principal": {"AWS": "AROAIOSFODNN7EXAMPLE1"}, "Action": "sts:AssumeRole"}
    healthy.box.iam.role_named(ACCOUNT, name).assume_role_policy_document = json.dumps(document(WIDE, gone))
    found = healthy.must("role", "show", name, "-o", "json").json["findings"]
    assert [item["id"] for item in found].count("role-recreated") == 1
