"""Filters, orders and calls of a list."""

from dataclasses import replace

import pytest

from checks.builder import ROLE_ARN, TARGET_ARN, UNREAD, ago, association
from harness import Outcome, Podid, table
from ops.association.worlds import with_two_clusters
from podid.domain.aws import Listed
from podid.domain.errors import Again, InvalidInput
from podid.ops.association.details import Details, PodCounts
from podid.ops.association.listing import has_role, in_order, tag_filter, unread_error
from podid.sandbox.box import Sandbox
from worlds import Site


def rows(site: Site, *argv: str) -> list[list[str]]:
    return [line.split("\t") for line in site.must("list", *argv).stdout.splitlines()]


def named(site: Site, *argv: str) -> list[str]:
    return site.must("list", *argv, "-o", "name").stdout.split()


# options, and whether they cost a call for each association
DESCRIBED = (
    ("--columns namespace,service-account", False),
    # tags name the tools that own associations
    ("--columns namespace,service-account,owner", True),
    ("--columns service-account,pods,exists --sort-by -namespace", False),
    ("--columns namespace --service-account o*", False),
    ("--columns namespace --owner none --service-account o*", True),
    ("-o name", False),
    ("-o csv --columns namespace,association-id", False),
    ("--columns namespace,role", True),
    ("--columns namespace --sort-by created", True),
    ("--columns namespace --role shop-orders", True),
    ("--columns namespace --stale", True),
    ("--columns namespace,role-exists", True),
    ("--columns namespace -o json", True),
    ("-o name --older-than 1s", True),
)


def test_only_columns_that_need_it_cost_a_call_for_each(site: Site) -> None:
    site.with_agent().with_identity()
    for argv, described in DESCRIBED:
        site.box.faults.calls.clear()
        outcome = site.must("list", *argv.split())
        assert (site.box.faults.calls["eks", "DescribePodIdentityAssociation"] > 0) is described, argv
        assert outcome.stdout or "--stale" in argv


def test_details_are_orders_too(site: Site) -> None:
    site.with_agent().with_identity()
    site.associate("shop", "nosuch")
    site.clock.advance(3600)
    for by, first in (
        *(("pods", "shop/nosuch"), ("-pods", "shop/orders"), ("-exists", "shop/orders")),
        *(("status", "shop/nosuch"), ("-status", "shop/orders"), ("role-exists", "shop/nosuch")),
    ):
        assert named(site, "--sort-by", by)[0] == first
    assert named(site, "--sort-by", "-session-tags") == ["shop/nosuch", "shop/orders"]


@pytest.fixture
def many(box: Sandbox) -> Sandbox:
    return with_two_clusters(box)


def names(outcome: Outcome) -> list[str]:
    assert outcome.code == 0, outcome
    return [f"{item['namespace']}/{item['serviceAccount']}" for item in outcome.json["items"]]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ["shop/cart", "shop/orders"]),
        ("--service-account o*", ["shop/orders"]),
        ("-n s*", ["shop/cart", "shop/orders"]),
        ("-n x*", []),
        ("--role storefront", ["shop/cart"]),
        ("--tag team", ["shop/cart"]),
        ("--tag team=web", ["shop/cart"]),
        ("--tag team=x", []),
        ("--older-than 240h", ["shop/orders"]),
        ("--newer-than 240h", ["shop/cart"]),
        ("--sort-by created", ["shop/orders", "shop/cart"]),
        ("--sort-by -created", ["shop/cart", "shop/orders"]),
        ("--sort-by role", ["shop/orders", "shop/cart"]),
        ("--cluster demo --cluster blue", ["pay/api", "shop/cart", "shop/orders"]),
        ("--all-clusters", ["pay/api", "shop/cart", "shop/orders"]),
        ("--all-clusters --role storefront", ["pay/api", "shop/cart"]),
    ],
)
def test_filters_and_orders(many: Sandbox, podid: Podid, line: str, expected: list[str]) -> None:
    assert names(podid("list", *line.split(), "-o", "json")) == expected
    streamed = podid("list", *line.split(), "-o", "jsonl")
    assert (streamed.code, len(streamed.stdout.splitlines())) == (0, len(expected))


@pytest.mark.parametrize(("owner", "expected"), [("none", ["shop/cart", "shop/orders"]), ("aws-ebs-csi-driver", [])])
def test_owners_without_the_custom_resources_of_the_cluster(
    many: Sandbox, podid: Podid, owner: str, expected: list[str]
) -> None:
    outcome = podid("list", "--owner", owner, "-o", "json")
    assert (outcome.code, outcome.error["code"]) == (9, "Undetermined")
    assert [f"{item['namespace']}/{item['serviceAccount']}" for item in outcome.json["items"]] == expected
    assert "custom resources" in podid("list", "--owner", owner).stderr


# --- without a call ---------------------------------------------------------------------------------------------------

CART = association("shop", "cart", role_arn=f"{ROLE_ARN}-cart", target_role_arn=TARGET_ARN, created_at=ago(days=9))
UNREAD_ITEM = replace(UNREAD, service_account="api")
LISTED: tuple[Listed, ...] = (association(), UNREAD_ITEM, CART)


@table(
    ("by", "accounts"),
    [
        ("", ["api", "cart", "orders"]),
        ("role", ["orders", "cart", "api"]),
        ("-role", ["cart", "orders", "api"]),
        ("created", ["cart", "orders", "api"]),
        ("-pods", ["orders", "cart", "api"]),
        ("target-role", ["orders", "cart", "api"]),
    ],
)
def test_unread_associations_come_last(by: str, accounts: list[str]) -> None:
    details = {"a-orders": Details(pods=PodCounts(2)), "a-cart": Details(pods=PodCounts(1))}
    assert [item.service_account for item in in_order(LISTED, by, details)] == accounts


def test_an_order_that_does_not_exist() -> None:
    with pytest.raises(InvalidInput, match="--sort-by '-creatd' is not one of namespace") as refused:
        in_order((), "-creatd")
    assert refused.value.hint == Again(swap=("-creatd", "-created"))


@table(
    ("role", "matches"),
    [
        ("", True),
        ("orders-cart", True),
        (f"{ROLE_ARN}-cart", True),
        (TARGET_ARN, True),
        ("reports", True),
        ("x", False),
    ],
)
def test_a_role_is_a_name_or_an_arn_also_of_the_target_role(role: str, matches: bool) -> None:
    assert has_role(CART, role) is matches


def test_a_name_is_a_role_of_the_account_of_the_role() -> None:
    assert not has_role(replace(CART, target_role_arn="arn:aws:iam::999988887777:role/data"), "data")


def test_tags_with_and_without_a_value() -> None:
    assert tag_filter(["a=b", "c", "d="]) == {"a": "b", "c": None, "d": ""}
    for texts in (["=x"], [""], ["a", "a=b"]):
        with pytest.raises(InvalidInput, match="is not KEY or KEY=VALUE, each key once"):
            tag_filter(texts)


def test_the_error_about_unread_associations_names_each_reason_once() -> None:
    assert unread_error([CART], 1) is None
    late = replace(UNREAD_ITEM, service_account="jobs", reason="EKS failed with 503", permission="")
    error = unread_error([UNREAD_ITEM, CART, late, replace(UNREAD_ITEM, service_account="web")], 4)
    assert error is not None
    assert error.message == "3 of 4 associations could not be read: their roles are not known"
    assert error.lines == ("shop/api, shop/web: not allowed", "shop/jobs: EKS failed with 503")
    assert error.permission == UNREAD.permission
