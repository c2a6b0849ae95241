"""The identities, actions, resources and condition keys of requests, as a user types them."""

import pytest

from harness import table
from podid.domain.errors import InvalidInput, UsageError
from podid.domain.names import ServiceAccountRef
from podid.ops.permissions.request import (
    CanOptions,
    NamedIdentity,
    PrivilegeOptions,
    parse_action,
    parse_keys,
    parse_resources,
)

ORDERS = NamedIdentity(ServiceAccountRef("shop", "orders"))


def test_service_accounts_and_pods() -> None:
    assert NamedIdentity.parse("shop/orders") == ORDERS
    pod = NamedIdentity(ServiceAccountRef("shop", ""), "orders-7d4")
    assert [NamedIdentity.parse(f"{kind}/shop/orders-7d4") for kind in ("pod", "po", "Pods")] == [pod] * 3


@table("text", ["shop", "deploy/shop/orders", "shop/", "a/b/c/d"])
def test_texts_that_are_no_identity(text: str) -> None:
    with pytest.raises(InvalidInput):
        NamedIdentity.parse(text)


@table("text", ["s3:GetObject", "s3:Get*", "s3:?etObject", "*", "execute-api:Invoke"])
def test_actions(text: str) -> None:
    assert parse_action(text) == text


@table("text", ["GetObject", "s3:", ":GetObject", "s3:Get Object", "s3", "", "s*:GetObject"])
def test_texts_that_are_no_action(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an action"):
        parse_action(text)


def test_resources_are_arns_or_all() -> None:
    assert parse_resources(["*", "arn:aws:s3:::b/*", "*"]) == ("*", "arn:aws:s3:::b/*")
    with pytest.raises(InvalidInput):
        parse_resources(["arn:aws:s3:::b", "orders"])


def test_condition_keys_that_are_repeated_have_several_values() -> None:
    texts = ["aws:SourceIp=203.0.113.9", "aws:TagKeys=a", "AWS:tagkeys=b=c"]
    assert parse_keys(texts) == {"aws:sourceip": ("203.0.113.9",), "aws:tagkeys": ("a", "b=c")}
    for text in ("aws:SourceIp", "x=1", ""):
        with pytest.raises(InvalidInput, match="is not KEY=VALUE"):
            parse_keys([text])


def test_the_first_word_is_an_action_without_a_service_account() -> None:
    options = CanOptions(identity="shop/orders", patterns=("s3:Get*", "s3:Put*", "s3:Get*"))
    assert (options.named, options.actions) == (ORDERS, ("s3:Get*", "s3:Put*"))
    options = CanOptions(identity="s3:Get*", patterns=("s3:Put*",), role="orders")
    assert (options.named, options.actions) == (None, ("s3:Get*", "s3:Put*"))
    with pytest.raises(UsageError, match="Specify an action"):
        assert CanOptions(identity="shop/orders").actions


@table(
    ("identity", "role", "files", "message"),
    [
        ("", None, (), "Specify a service account as NAMESPACE/NAME, or --role ROLE, or --policy-file FILE"),
        ("shop/orders", "orders", (), "NS/SA and --role cannot be used together"),
        ("", "orders", ("p.json",), "--role and --policy-file cannot be used together"),
    ],
)
def test_one_source_of_policies(identity: str, role: str | None, files: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message}$"):
        assert PrivilegeOptions(identity=identity, role=role, policy_files=files).named
    assert PrivilegeOptions(identity="shop/orders").named == ORDERS
    assert PrivilegeOptions(role="orders").named is None
