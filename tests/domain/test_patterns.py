"""Patterns of roles and policies in files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import table
from podid.domain.errors import InvalidInput
from podid.domain.patterns import check_policy_pattern, check_role_pattern, matches_any

ROLE = "arn:aws:iam::111122223333:role/shop-orders"
OF_TEAM = "arn:aws:iam::111122223333:role/team/shop/orders"
MANAGED = "arn:aws:iam::aws:policy/service-role/AmazonEBS"


@table(
    ("text", "name", "expected"),
    [
        ("shop-*", ROLE, True),
        ("shop-orders", ROLE, True),
        ("shop", ROLE, False),
        ("*", ROLE, True),
        # a name is not the beginning of an ARN
        ("a*", ROLE, False),
        ("arn*", ROLE, False),
        ("orders", OF_TEAM, True),
        ("team*", OF_TEAM, False),
        ("team/*", OF_TEAM, True),
        ("/team/*", OF_TEAM, True),
        ("/*", OF_TEAM, True),
        ("*/orders", OF_TEAM, True),
        ("/shop-*", OF_TEAM, False),
        ("/shop-*", ROLE, True),
        ("/team/*", ROLE, False),
        ("arn:aws:iam::*:role/shop-*", ROLE, True),
        ("arn:aws:iam::*:role/*", OF_TEAM, True),
        ("arn:aws:iam::*:role/orders", OF_TEAM, False),
        ("arn:aws:iam::999999999999:role/*", ROLE, False),
        # a wildcard stays within its part of an ARN
        ("arn:aws:*:role/shop-orders", ROLE, False),
        ("arn:aws:iam::*", ROLE, False),
        # no classes of letters
        ("shop-[a-z]*", ROLE, False),
        ("SHOP-*", ROLE, False),
        ("AmazonE*", MANAGED, True),
        ("service-role/*", MANAGED, True),
        ("inline*", "inline-policy", True),
        ("/inline*", "inline-policy", False),
    ],
)
def test_one_meaning(text: str, name: str, expected: bool) -> None:
    assert matches_any(("none-of-them", text), name) is expected


def test_no_pattern_matches_nothing() -> None:
    assert not matches_any((), ROLE)


@table(
    "text",
    [
        *("", "/", "team/", "role/shop-*", "shop orders", "shop-[a-z]", "ü*", "a" * 65, "a/" + "b" * 65),
        *("arn:aws:iam::*", "arn:aws:s3:::bucket", "arn:aws:iam::1:role/x", "arn:aws:iam::aws:role/x"),
        *("arn:aws:iam:us-west-2:111122223333:role/x", "arn:aws:iam::111122223333:policy/x", "arn:aws:iam::*:role/"),
        *("team:shop", "arn:aws:sts::111122223333:assumed-role/x/y", "arn:aws:iam::abcdefghijkl:role/x"),
    ],
)
def test_a_pattern_that_matches_no_role_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="matches no IAM role: specify a name"):
        check_role_pattern(text)


def test_patterns_of_policies() -> None:
    for text in ("arn:aws:iam::aws:policy/*", "arn:aws*:iam::*:policy/x", "a" * 128, "service-role/Amazon*"):
        check_policy_pattern(text)
    for text in ("arn:aws:iam::aws:role/x", "a" * 129, "policy/x"):
        with pytest.raises(InvalidInput, match="matches no IAM policy"):
            check_policy_pattern(text)


LETTERS = st.text("abz-*?", min_size=1, max_size=8)


@given(st.one_of(LETTERS, st.builds("/{}/{}".format, LETTERS, LETTERS), LETTERS.map("arn:aws:iam::*:role/{}".format)))
def test_a_pattern_that_is_accepted_matches_some_role(text: str) -> None:
    check_role_pattern(text)
    resource = text.rpartition(":")[2].replace("*", "").replace("?", "a").removeprefix("role/")
    name = resource if resource and not resource.endswith("/") else f"{resource}a"
    assert matches_any((text,), f"arn:aws:iam::111122223333:role/{name.removeprefix('/')}")
