"""`role list` and `role show`: the engine's verdict for each association, and what cannot be read is unknown."""

import json
from typing import Any

import pytest

from podid.sandbox.baseline import add_role
from podid.sandbox.credentials import read_signature
from podid.sandbox.http import HttpAnswer, HttpRequest
from worlds import ACCOUNT, CLUSTER_ARN, ORDERS, ROLE_ARN, Site, trust_for

PODS = {"Service": "pods.eks.amazonaws.com"}
WIDE = {"Effect": "Allow", "Principal": PODS, "Action": ["sts:AssumeRole", "sts:TagSession"]}


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


SPLIT = document({**WIDE, "Action": "sts:AssumeRole"}, {**WIDE, "Action": "sts:TagSession"})
PATTERN = document({**WIDE, "Condition": {"ArnLikeIfExists": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/demo"}}})
OTHER = document({**WIDE, "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "web"}}})
UNTAGGED = document({**WIDE, "Action": "sts:AssumeRole"})


def listed(site: Site, name: str = "shop-orders") -> Any:
    items = site.must("role", "list", "-o", "json").json["items"]
    return next((item for item in items if item["roleName"] == name), None)


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


def test_a_role_that_refuses_its_association(healthy: Site) -> None:
    healthy.trust("shop-orders", OTHER)
    item = listed(healthy)
    assert (item["associations"], item["refused"]) == (1, 1)
    assert "1, 1 refused" in healthy.must("role", "list").stdout


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


@pytest.mark.parametrize(
    ("permission", "member"),
    [
        ("iam:ListRolePolicies", "inlinePolicies"),
        ("iam:GetRolePolicy", "inlinePolicies"),
        ("iam:ListAttachedRolePolicies", "attachedPolicies"),
        ("eks:ListPodIdentityAssociations", "associations"),
        ("eks:DescribePodIdentityAssociation", "associations"),
    ],
)
def test_what_can_be_read_is_shown(healthy: Site, permission: str, member: str) -> None:
    healthy.box.world.credentials.deny(permission)
    shown = healthy.must("role", "show", "shop-orders", "-o", "json").json
    assert shown[member] in (None, [])
    (unknown,) = shown["unknowns"]
    assert unknown["permission"] == permission
    assert shown["trustPolicy"] == trust_for(ORDERS)
    text = healthy.must("role", "show", "shop-orders").stdout
    assert f"requires {permission}" in text
    assert "no association" not in text


@pytest.mark.parametrize("permission", ["eks:ListClusters", "eks:ListPodIdentityAssociations", "iam:GetRole"])
def test_a_list_says_what_it_could_not_see(healthy: Site, permission: str) -> None:
    healthy.box.world.credentials.deny(permission)
    found = healthy.must("role", "list", "-o", "json").json
    assert [unknown["permission"] for unknown in found["unknowns"]] == [permission]
    (item,) = [item for item in found["items"] if item["roleName"] == "shop-orders"]
    assert item["associations"] == (1 if permission == "iam:GetRole" else None)
    assert f"requires {permission}" in healthy.must("role", "list").stderr


def test_every_cluster_of_every_region(healthy: Site, all_regions: None) -> None:
    regions: set[str] = set()
    answer = healthy.box.gateway.answer

    def answering(request: HttpRequest) -> HttpAnswer:
        if healthy.box.gateway.name(request).operation == "ListClusters":
            signature = read_signature(request)
            assert signature is not None
            regions.add(signature.region)
            if signature.region == "ap-east-1":
                code = "UnrecognizedClientException"
                body = json.dumps({"__type": code, "message": "The security token included in the request is invalid."})
                return HttpAnswer(403, {"Content-Type": "application/json", "x-amzn-ErrorType": code}, body.encode())
        return answer(request)

    healthy.box.gateway.answer = answering  # type: ignore[method-assign]
    shown = healthy.must("role", "show", "shop-orders", "--all-clusters", "-o", "json").json
    assert [use["clusterArn"] for use in shown["associations"]] == [CLUSTER_ARN]
    assert {"us-west-2", "eu-central-1", "ap-southeast-2"} <= regions
    assert not any(region.startswith(("cn-", "us-gov-")) for region in regions)
    (unknown,) = shown["unknowns"]  # not enabled, as a rule; it is said all the same
    assert unknown["what"] == "ap-east-1"


# --- what a role is, in words ---------------------------------------------------------------------------------------


def shown(site: Site, name: str = "shop-orders") -> Any:
    return site.must("role", "show", name, "-o", "json").json


def test_its_permissions_are_said_in_words(healthy: Site) -> None:
    iam = healthy.aws("iam")
    iam.attach_role_policy(RoleName="shop-orders", PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.put_role_permissions_boundary(RoleName="shop-orders", PermissionsBoundary=boundary)
    found = {item["policyName"]: item for item in shown(healthy)["permissions"]}
    assert found["AmazonSQSFullAccess"]["words"] == ["may do everything in sqs on anything"]
    assert (found["AmazonS3ReadOnlyAccess"]["kind"], found["AmazonSQSFullAccess"]["kind"]) == ("boundary", "managed")
    text = healthy.must("role", "show", "shop-orders").stdout
    assert "permissions boundary (AmazonS3ReadOnlyAccess):\n  may s3:Get*" in text
    healthy.box.world.credentials.deny("iam:GetPolicyVersion")
    without = shown(healthy)
    assert [item["words"] for item in without["permissions"] if item["kind"] != "inline"] == [None, None]
    assert [item["permission"] for item in without["unknowns"]] == ["iam:GetPolicyVersion"]


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


def test_unused_roles_are_those_that_nobody_names(healthy: Site) -> None:
    def names() -> set[str]:
        found = healthy.must("role", "list", "--unused", "-o", "json").json
        return {item["roleName"] for item in (*found["items"], *found["admitNone"])}

    assert "storefront" in names()
    assert "article-2023" in names()  # nobody can use it, all the more so
    assert "shop-orders" not in names()
    healthy.must("associate", "shop/orders", "--role", "storefront", "--replace", "--wait", "none")
    assert "shop-orders" in names()
    assert "storefront" not in names()


def test_what_is_unused_cannot_be_told_without_a_look(healthy: Site) -> None:
    healthy.box.world.credentials.deny("eks:ListPodIdentityAssociations")
    outcome = healthy("role", "list", "--unused", "-o", "json")
    assert (outcome.code, outcome.json["items"]) == (9, [])
    assert [item["permission"] for item in outcome.json["unknowns"]] == ["eks:ListPodIdentityAssociations"]


@pytest.mark.parametrize("name", ["shop-orders", "storefront"])
def test_a_deleted_principal_is_told_once(healthy: Site, name: str) -> None:
    """Whether the role is used or not."""
    gone = {"Effect": "Allow", "Principal": {"AWS": "AROAIOSFODNN7EXAMPLE1"}, "Action": "sts:AssumeRole"}
    healthy.box.iam.role_named(ACCOUNT, name).assume_role_policy_document = json.dumps(document(WIDE, gone))
    found = healthy.must("role", "show", name, "-o", "json").json["findings"]
    assert [item["id"] for item in found].count("role-recreated") == 1


def test_a_trust_whose_users_may_not_be_read(healthy: Site) -> None:
    """A right that is missing is a denial, and there is a way without it."""
    healthy.box.world.credentials.deny("eks:ListPodIdentityAssociations")
    outcome = healthy("trust", "check", "--role", "shop-orders", "-o", "json")
    assert (outcome.code, outcome.stdout, outcome.error["permission"]) == (4, "", "eks:ListPodIdentityAssociations")
    assert healthy("trust", "check", "--role", "shop-orders", "--for", "shop/orders").code == 0
