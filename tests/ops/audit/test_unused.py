"""`unused`: what is granted and not used, what podid cannot tell, and what it could not read."""

import json
from typing import Any

import pytest

from podid.sandbox.aws import trail
from podid.sandbox.credentials import Credential
from worlds import ACCOUNT, Site

pytestmark = pytest.mark.sampled(3)

ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop-orders"
TARGET = f"arn:aws:iam::{ACCOUNT}:role/reports-reader"
STOREFRONT = f"arn:aws:iam::{ACCOUNT}:role/storefront"
DAY = 86400.0


@pytest.fixture
def old(healthy: Site) -> Site:
    """The identity of `healthy` after 120 days, without a use of its role."""
    healthy.clock.advance(120 * DAY)
    return healthy


def put_policy(site: Site, *actions: str, role: str = "shop-orders", **more: Any) -> None:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    site.aws("iam").put_role_policy(RoleName=role, PolicyName="dynamodb-read", PolicyDocument=document)


def tried(site: Site, service: str, action: str, *, days: float = 0, role: str = ROLE) -> None:
    site.box.gateway.last_use.tried(role, service, action, site.clock.now() - days * DAY)


def report(site: Site, *argv: str, code: int = 0) -> dict[str, Any]:
    outcome = site("unused", *argv, "-o", "json")
    assert outcome.code == code, outcome
    document: dict[str, Any] = json.loads(outcome.stdout)
    return document


def of_kind(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [item for item in document["items"] if item["kind"] == kind]


def test_an_association_and_its_role_that_nobody_used(old: Site) -> None:
    document = report(old, "shop/orders")
    assert [(item["kind"], item["verdict"], item["lastUsedAt"]) for item in document["items"]] == [
        ("association", "unused", None),
        ("role", "unused", None),
    ]
    tried(old, "dynamodb", "GetItem", days=100)
    assert {item["lastUsedAt"] is None for item in report(old, "shop/orders")["items"]} == {False}
    assert [item["verdict"] for item in report(old, "shop/orders", "--older-than", "101d")["items"]] == ["unknown"]


def test_without_service_accounts_roles_without_an_association_are_listed_too(old: Site) -> None:
    assert {item["roleArn"].rpartition("/")[2] for item in of_kind(report(old), "role")} >= {
        "shop-orders",
        "storefront",
    }
    assert [item["roleArn"] for item in of_kind(report(old, "-n", "shop"), "role")] == [ROLE]


def test_new_associations_and_roles_are_not_judged(healthy: Site) -> None:
    healthy.clock.advance(10 * DAY)
    assert report(healthy, "shop/orders")["items"] == []
    assert len(report(healthy, "shop/orders", "--older-than", "9d")["items"]) == 2


def test_services_and_actions_of_a_role_that_is_used(old: Site) -> None:
    put_policy(old, "sqs:*", "s3:GetObject", "dynamodb:ListTables", "dynamodb:DeleteTable", "kms:Decrypt")
    tried(old, "sqs", "GetQueueUrl")
    tried(old, "sqs", "CreateQueue", days=95)
    tried(old, "s3", "GetObject", days=100)
    tried(old, "dynamodb", "ListTables", days=1)
    document = report(old, "shop/orders")
    assert of_kind(document, "association") == of_kind(document, "role") == []
    services = {tuple(item["services"]): item for item in of_kind(document, "service")}
    assert {*services} == {("kms",), ("s3",)}
    assert services["kms",]["lastUsedAt"] is None
    assert services["s3",]["lastUsedAt"] is not None
    actions = {(item["services"][0], item["verdict"]): item["actions"] for item in of_kind(document, "action")}
    assert actions == {
        ("dynamodb", "unused"): ["dynamodb:DeleteTable"],
        ("sqs", "unused"): [
            *("sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueAttributes", "sqs:ListQueues"),
            "sqs:SetQueueAttributes",
        ],
        ("sqs", "unknown"): ["sqs:*"],
    }
    assert document["limits"] == ["IAM reports only management actions of some services one by one"]


def test_all_services_are_one_item(old: Site) -> None:
    put_policy(old, "*")
    tried(old, "s3", "GetObject")
    (item,) = of_kind(report(old, "shop/orders"), "service")
    assert "sqs" in item["services"]
    assert "s3" not in item["services"]
    assert item["reason"] == "16 of 17 services; used: s3"


def test_the_permissions_of_a_target_role(old: Site) -> None:
    old.with_target()
    put_policy(old, "s3:GetObject", role="reports-reader")
    old.clock.advance(100 * DAY)
    tried(old, "sts", "AssumeRole")
    tried(old, "sqs", "GetQueueUrl", role=TARGET)
    (item,) = [item for item in of_kind(report(old, "shop/orders"), "service") if item["roleArn"] == TARGET]
    assert (item["verdict"], item["services"]) == ("unused", ["s3"])


# --- shared roles -----------------------------------------------------------------------------------------------------


def open_up(site: Site) -> None:
    """Role storefront is the role of shop/orders too, and everybody in the cluster can assume it."""
    site.must("associate", "shop/orders", "--role", "storefront", "--replace", "--wait", "api")
    site.associate("shop", "cart", "storefront")
    site.clock.advance(100 * DAY)
    tried(site, "sqs", "GetQueueUrl", role=STOREFRONT)


def with_session(site: Site, name: str) -> None:
    tags = (
        ("eks-cluster-arn", f"arn:aws:eks:us-west-2:{ACCOUNT}:cluster/demo"),
        ("kubernetes-namespace", "shop"),
        ("kubernetes-service-account", name),
    )
    world, name = site.box.world, f"eks-demo-{name}-4f0e4c1a-0000-4000-8000-000000000000"
    session = world.credentials.add_session(STOREFRONT, name, role_id="AROA1", seconds=60, tags=tags)
    trail.assumed(world, session, tags, 60)


def test_an_association_of_a_shared_role_is_judged_by_cloudtrail(old: Site) -> None:
    open_up(old)
    items = of_kind(report(old, "-n", "shop"), "association")
    assert {(item["serviceAccount"], item["verdict"], item["source"]) for item in items} == {
        ("cart", "unused", "cloudtrail"),
        ("orders", "unused", "cloudtrail"),
    }
    with_session(old, "cart")
    (item,) = of_kind(report(old, "-n", "shop"), "association")
    assert item["serviceAccount"] == "orders"
    old.clock.advance(91 * DAY)
    tried(old, "sqs", "GetQueueUrl", role=STOREFRONT)
    items = of_kind(report(old, "-n", "shop", "--older-than", "95d"), "association")
    assert {item["verdict"] for item in items} == {"unknown"}
    assert "CloudTrail shows no session of this service account back to" in items[0]["reason"]


def test_without_cloudtrail_a_shared_association_is_unknown(old: Site) -> None:
    open_up(old)
    old.box.world.credentials.deny("cloudtrail:LookupEvents")
    document = report(old, "-n", "shop", code=9)
    assert {item["verdict"] for item in of_kind(document, "association")} == {"unknown"}
    assert {part["permission"] for part in document["unread"]} == {"cloudtrail:LookupEvents"}


# --- what could not be read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "action",
    [
        "iam:GenerateServiceLastAccessedDetails",
        "iam:GetServiceLastAccessedDetails",
        "iam:GetRole",
        "iam:GetRolePolicy",
    ],
)
def test_a_denied_read_is_undetermined(old: Site, action: str) -> None:
    tried(old, "sqs", "GetQueueUrl")
    old.box.world.credentials.deny(action)
    document = report(old, "shop/orders", code=9)
    assert action in {part["permission"] for part in document["unread"]}


def test_a_report_that_does_not_come_in_time(old: Site) -> None:
    tried(old, "sqs", "GetQueueUrl")
    old.box.world.delays.report = 10_000.0
    document = report(old, "shop/orders", "--timeout", "30s", code=9)
    assert [part["reason"] for part in document["unread"]] == ["IAM did not finish the report on last use in time"]
    assert old.slept >= 20


def test_only_who_asked_for_a_report_can_read_it(old: Site) -> None:
    iam = old.aws("iam")
    job = iam.generate_service_last_accessed_details(Arn=ROLE, Granularity="ACTION_LEVEL")["JobId"]
    assert iam.get_service_last_accessed_details(JobId=job)["JobStatus"] == "IN_PROGRESS"
    old.clock.advance(2)
    assert iam.get_service_last_accessed_details(JobId=job)["JobStatus"] == "COMPLETED"
    other: Credential = old.box.world.credentials.add_user("someone", account=ACCOUNT)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        old.aws("iam", key=other).get_service_last_accessed_details(JobId=job)


def test_the_window_of_iam(old: Site) -> None:
    outcome = old("unused", "--older-than", "401d")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "400 days" in outcome.stderr


def test_words_on_a_terminal(old: Site) -> None:
    tried(old, "sqs", "GetQueueUrl")
    outcome = old("unused", "shop/orders")
    assert outcome.stdout.splitlines() == ["service\tunused\tshop-orders\t-\tdynamodb\tnever\t-"]
    assert "not used since" in outcome.stderr


# --- privileges -----------------------------------------------------------------------------------------------------


def privileges(site: Site, *argv: str) -> dict[str, Any]:
    document: dict[str, Any] = site.must("privileges", *argv, "-o", "json").json
    return document


def test_privileges_have_their_use(old: Site) -> None:
    put_policy(old, "sqs:GetQueueUrl", "sqs:CreateQueue", "sqs:SendMessage", "s3:GetObject")
    tried(old, "sqs", "GetQueueUrl")
    tried(old, "sqs", "CreateQueue", days=95)
    document = privileges(old, "shop/orders")
    use = {item["service"]: (item["used"], item["lastUsedAt"] is not None) for item in document["services"]}
    assert use == {"s3": (False, False), "sqs": (True, True)}
    (sqs,) = [item for item in document["services"] if item["service"] == "sqs"]
    # IAM does not track SendMessage
    assert [name for level in sqs["levels"] for name in level["unused"]] == ["sqs:CreateQueue"]
    assert document["since"] is not None
    outcome = old.must("privileges", "shop/orders")
    assert [line.rpartition("\t")[2] for line in outcome.stdout.splitlines()] == [
        "unused",
        "used, 1 action unused",
    ]
    assert "Not used since" in outcome.stderr
    assert "by IAM's report on the role: s3" in outcome.stderr
    longer = privileges(old, "shop/orders", "--older-than", "100d")
    unused = [name for item in longer["services"] for level in item["levels"] for name in level["unused"]]
    assert unused == ["s3:GetObject"]


def test_show_names_unused_services_on_request(old: Site) -> None:
    tried(old, "dynamodb", "GetItem", days=100)
    assert "Not used since" not in old("show", "shop/orders").stdout
    assert "by IAM's report on the role: dynamodb" in old("show", "shop/orders", "--unused").stdout


def test_the_use_of_a_new_role_is_not_known(healthy: Site) -> None:
    document = privileges(healthy, "shop/orders")
    assert (document["since"], {item["used"] for item in document["services"]}) == (None, {None})
    assert "not known: the last use: the role is younger than the window" in healthy("privileges", "shop/orders").stderr
    assert "the role is younger than the window" in healthy("show", "shop/orders", "--unused").stdout


@pytest.mark.parametrize("action", ["GenerateServiceLastAccessedDetails", "GetServiceLastAccessedDetails"])
def test_privileges_without_the_permission_to_read_their_use(old: Site, action: str) -> None:
    old.box.world.credentials.deny(f"iam:{action}")
    outcome = old.must("privileges", "shop/orders")
    assert (outcome.stdout.splitlines()[0].rpartition("\t")[2], f"requires iam:{action}" in outcome.stderr) == (
        "-",
        True,
    )
