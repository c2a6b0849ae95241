"""Unused associations, roles, services and actions."""

import json

import pytest

from ops.audit.roles import ROLE, aged, allow, of_kind, put_policy, tried, unused_report
from worlds import Site


@pytest.fixture
def old(shared: Site) -> Site:
    return aged(shared)


def test_an_association_and_its_role_that_nobody_used(old: Site) -> None:
    document = unused_report(old, "shop/orders")
    assert [(item["kind"], item["verdict"], item["lastUsedAt"]) for item in document["items"]] == [
        ("association", "unused", None),
        ("role", "unused", None),
    ]
    tried(old, "dynamodb", "GetItem", days=100)
    assert {item["lastUsedAt"] is None for item in unused_report(old, "shop/orders")["items"]} == {False}
    assert [item["verdict"] for item in unused_report(old, "shop/orders", "--older-than", "101d")["items"]] == [
        "unknown"
    ]


def test_an_old_role_is_not_unused_while_an_association_of_it_is_young(old: Site) -> None:
    assert ROLE in {item["roleArn"] for item in of_kind(unused_report(old), "role")}
    young = old.associate("shop", "young", "shop-orders")
    report = unused_report(old)
    old.aws("eks").delete_pod_identity_association(clusterName="demo", associationId=young)
    assert ROLE not in {item["roleArn"] for item in of_kind(report, "role")}
    assert "role shop-orders" in report["limits"][-1]


def test_without_service_accounts_roles_without_an_association_are_listed_too(old: Site) -> None:
    assert {item["roleArn"].rpartition("/")[2] for item in of_kind(unused_report(old), "role")} >= {
        "shop-orders",
        "storefront",
    }
    assert [item["roleArn"] for item in of_kind(unused_report(old, "-n", "shop"), "role")] == [ROLE]


def test_services_and_actions_of_a_role_that_is_used(old: Site) -> None:
    put_policy(
        old,
        allow("sqs:*", "s3:GetObject", "dynamodb:ListTables", "dynamodb:DeleteTable", "kms:Decrypt", "iam:PassRole"),
    )
    tried(old, "sqs", "GetQueueUrl")
    tried(old, "sqs", "CreateQueue", days=95)
    tried(old, "s3", "GetObject", days=100)
    tried(old, "dynamodb", "ListTables", days=1)
    document = unused_report(old, "shop/orders")
    assert of_kind(document, "association") == of_kind(document, "role") == []
    services = {tuple(item["services"]): item for item in of_kind(document, "service")}
    assert {*services} == {("kms",), ("s3",)}
    assert services["kms",]["lastUsedAt"] is None
    assert services["s3",]["lastUsedAt"] is not None
    actions = {(item["services"][0], item["verdict"]): item["actions"] for item in of_kind(document, "action")}
    assert actions == {
        ("dynamodb", "unused"): ["dynamodb:DeleteTable"],
        ("iam", "unknown"): ["iam:PassRole"],
        ("sqs", "unused"): [
            *("sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueAttributes", "sqs:ListQueues"),
            "sqs:SetQueueAttributes",
        ],
        ("sqs", "unknown"): ["sqs:*"],
    }
    assert document["limits"] == ["IAM reports only management actions of some services one by one"]


def test_all_services_are_one_item(old: Site) -> None:
    put_policy(old, allow("*"))
    tried(old, "s3", "GetObject")
    (item,) = of_kind(unused_report(old, "shop/orders"), "service")
    assert "sqs" in item["services"]
    assert "s3" not in item["services"]
    assert item["reason"] == "16 of 17 services; used: s3"
    (hidden,) = of_kind(unused_report(old, "shop/orders"), "action")
    assert (hidden["verdict"], hidden["actions"][:2]) == ("unknown", ["iam:PassRole", "rds-db:connect"])


def test_an_empty_report_names_young_roles_and_associations(old: Site) -> None:
    """A role that was created today may be unused although the report does not list it."""
    trust = old.aws("iam").get_role(RoleName="shop-orders")["Role"]["AssumeRolePolicyDocument"]
    old.aws("iam").create_role(RoleName="fresh", AssumeRolePolicyDocument=json.dumps(trust))
    old.associate("shop", "cart", "fresh")
    outcome = old("unused", "shop/cart")
    assert (outcome.code, outcome.stdout) == (0, "")
    assert "no unused association, role or permission in the last 90 days" in outcome.stderr
    young = "Not evaluated, because younger than the period: role fresh, association shop/cart"
    assert young in outcome.stderr
    assert unused_report(old, "shop/cart")["limits"] == [young]


def test_a_permission_for_a_parameter_of_another_call_is_not_unused(old: Site) -> None:
    """CreateQueue with tags requires sqs:TagQueue, and is no call of it."""
    put_policy(old, allow("sqs:CreateQueue", "sqs:DeleteQueue", "sqs:TagQueue"))
    tried(old, "sqs", "CreateQueue")
    actions = {item["verdict"]: item["actions"] for item in of_kind(unused_report(old, "shop/orders"), "action")}
    assert actions == {"unused": ["sqs:DeleteQueue"], "unknown": ["sqs:TagQueue"]}


def test_an_action_whose_use_is_not_reported_is_not_unused(old: Site) -> None:
    """iam:PassRole is a parameter of other calls, and a login to a database is no call of an AWS API."""
    put_policy(old, allow("iam:*", "s3:GetObject", "rds-db:connect", "kafka-cluster:Connect"))
    tried(old, "s3", "GetObject")
    document = unused_report(old, "shop/orders")
    assert {tuple(item["actions"]) for item in document["items"] if item["verdict"] == "unused"} == {("iam:*",)}
    unknown = {tuple(item["actions"]): item["reason"] for item in of_kind(document, "action")}
    assert {*unknown} > {("iam:PassRole",), ("rds-db:connect",), ("kafka-cluster:Connect",)}
    assert unknown["iam:PassRole",] == "IAM does not report the use of this action"
