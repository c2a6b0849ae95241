"""Options of the commands about associations: settings and filters."""

import json
from typing import Any

import pytest

from harness import table
from podid.domain.errors import InvalidInput, UsageError
from podid.domain.names import ServiceAccountRef
from podid.ops.association.request import ListOptions, SettingOptions, Settings

POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})


def settings(**options: Any) -> Settings:
    return SettingOptions(**options).settings(lambda name: POLICY)


@table(
    ("options", "expected"),
    [
        ({}, Settings()),
        ({"target_role": "arn:aws:iam::1:role/x"}, Settings(target_role_arn="arn:aws:iam::1:role/x")),
        ({"no_target_role": True}, Settings(target_role_arn="")),
        ({"session_tags": True}, Settings(disable_session_tags=False)),
        ({"session_tags": False}, Settings(disable_session_tags=True)),
        ({"no_session_policy": True}, Settings(policy="")),
        ({"tag": {"a": "b"}, "untag": ("c", "c")}, Settings(tags={"a": "b"}, untag=("c",))),
    ],
)
def test_an_option_that_is_not_set_leaves_its_setting_unchanged(options: dict[str, Any], expected: Settings) -> None:
    assert settings(**options) == expected


def test_a_session_policy_disables_session_tags() -> None:
    with_policy = settings(session_policy="policy.json")
    assert with_policy.disable_session_tags is True
    assert json.loads(with_policy.policy or "") == json.loads(POLICY)


@table(
    ("options", "error", "message"),
    [
        ({"target_role": "x", "no_target_role": True}, UsageError, "--target-role and --no-target-role cannot be used"),
        (
            {"session_policy": "f", "no_session_policy": True},
            UsageError,
            "--session-policy and --no-session-policy cannot",
        ),
        ({"session_policy": "f", "session_tags": True}, UsageError, "--session-policy requires --no-session-tags"),
        ({"target_profile": "p"}, UsageError, "--target-profile requires --target-role"),
        ({"tag": {"a": "b"}, "untag": ("a",)}, InvalidInput, "--tag and --untag cannot be used together for key a"),
        *(({"untag": (key,)}, InvalidInput, "is not a tag key") for key in ("", "=", "a=b", "AWS:x", "a" * 129)),
    ],
)
def test_options_that_cannot_be_used_together(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        settings(**options)


def test_settings_of_an_item_come_before_those_of_the_options() -> None:
    item = Settings(target_role_arn="", tags={"team": "a"}, untag=("x",))
    options = Settings(target_role_arn="arn", disable_session_tags=True, tags={"team": "b", "by": "me"}, untag=("y",))
    assert item.over(options) == Settings(
        target_role_arn="", disable_session_tags=True, tags={"team": "a", "by": "me"}, untag=("y", "x")
    )


@table(
    ("options", "filters", "columns"),
    [
        (ListOptions(), "", ("",)),
        (ListOptions(pods=True), "", ("pods", "injected", "stale", "")),
        (ListOptions(stale=True, sort_by="-status"), "--stale", ("pods", "injected", "stale", "status")),
        (ListOptions(dangling=True), "--dangling", ("exists", "role-exists", "")),
        (
            ListOptions(service_accounts=(ServiceAccountRef("shop", "orders"),), role="r", tag=("a=b c", "d")),
            "shop/orders --role r --tag 'a=b c' --tag d",
            ("",),
        ),
        (ListOptions(owner="none", selector="a in (b)"), "--selector 'a in (b)' --owner none", ("", "owner")),
    ],
)
def test_filters_as_typed_and_the_columns_that_they_require(
    options: ListOptions, filters: str, columns: tuple[str, ...]
) -> None:
    assert (options.filters, options.read_for) == (filters, columns)
