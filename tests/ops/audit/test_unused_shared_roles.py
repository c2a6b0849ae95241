"""Associations of roles that others can assume too, new ones, and target roles, in `podid unused`."""

from ops.audit.roles import DAY, aged, allow, of_kind, put_policy, tried, unused_report
from podid.sandbox.aws import trail
from worlds import ACCOUNT, Site

TARGET = f"arn:aws:iam::{ACCOUNT}:role/reports-reader"
STOREFRONT = f"arn:aws:iam::{ACCOUNT}:role/storefront"


def test_new_associations_and_roles_are_not_judged(healthy: Site) -> None:
    healthy.clock.advance(10 * DAY)
    assert unused_report(healthy, "shop/orders")["items"] == []
    assert len(unused_report(healthy, "shop/orders", "--older-than", "9d")["items"]) == 2


def test_an_association_whose_role_was_changed_is_not_judged(healthy: Site) -> None:
    aged(healthy)
    healthy.must("associate", "shop/orders", "--role", "storefront", "--replace", "--wait", "api")
    assert of_kind(unused_report(healthy, "shop/orders"), "association") == []
    healthy.clock.advance(91 * DAY)
    assert of_kind(unused_report(healthy, "shop/orders"), "association")


def test_the_permissions_of_a_target_role(healthy: Site) -> None:
    aged(healthy)
    healthy.with_target()
    put_policy(healthy, allow("s3:GetObject"), role="reports-reader")
    healthy.clock.advance(100 * DAY)
    tried(healthy, "sts", "AssumeRole")
    tried(healthy, "sqs", "GetQueueUrl", role=TARGET)
    (item,) = [item for item in of_kind(unused_report(healthy, "shop/orders"), "service") if item["roleArn"] == TARGET]
    assert (item["verdict"], item["services"]) == ("unused", ["s3"])


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


def test_an_association_of_a_shared_role_is_judged_by_cloudtrail(healthy: Site) -> None:
    aged(healthy)
    open_up(healthy)
    items = of_kind(unused_report(healthy, "-n", "shop"), "association")
    assert {(item["serviceAccount"], item["verdict"], item["source"]) for item in items} == {
        ("cart", "unused", "cloudtrail"),
        ("orders", "unused", "cloudtrail"),
    }
    with_session(healthy, "cart")
    (item,) = of_kind(unused_report(healthy, "-n", "shop"), "association")
    assert item["serviceAccount"] == "orders"
    healthy.clock.advance(91 * DAY)
    tried(healthy, "sqs", "GetQueueUrl", role=STOREFRONT)
    items = of_kind(unused_report(healthy, "-n", "shop", "--older-than", "95d"), "association")
    assert {item["verdict"] for item in items} == {"unknown"}
    assert "CloudTrail shows no session of this service account back to" in items[0]["reason"]


def test_without_cloudtrail_a_shared_association_is_unknown(healthy: Site) -> None:
    aged(healthy)
    open_up(healthy)
    healthy.box.world.credentials.deny("cloudtrail:LookupEvents")
    document = unused_report(healthy, "-n", "shop", code=9)
    assert {item["verdict"] for item in of_kind(document, "association")} == {"unknown"}
    assert {part["permission"] for part in document["unread"]} == {"cloudtrail:LookupEvents"}
