"""Values of other programs' files as values of podid's own file."""

from typing import Any

import pytest

from harness import table
from podid.domain.declaration import Position
from podid.local.documents import DocumentNode, Mistakes
from podid.ops.declare.foreign_nodes import (
    ForeignFile,
    account_node,
    get,
    node_of,
    own_tags,
    role_name_node,
    tags_of_list,
    text,
)

AT = Position("x.yaml", 3, 5)


def node(value: object) -> DocumentNode:
    return node_of(value, AT)


@table("value", ["text", "", "no", 12, 1.5, True, False, None, [], ["a", [1]], {"a": {"b": None}, "c": ["d"]}])
def test_data_is_the_same_as_a_value_of_a_document(value: object) -> None:
    assert (node(value).data(), node(value).at) == (value, AT)


def test_another_type_is_no_value_of_a_document() -> None:
    with pytest.raises(TypeError, match="set"):
        node({"a": {1}})


@table(
    ("value", "path", "expected"),
    [
        ({"a": {"b": "c"}}, ("a", "b"), "c"),
        ({"a": {"b": None}}, ("a", "b"), ""),
        ({"a": "b"}, ("a", "b"), ""),
        ({"a": ["b"]}, ("a",), ""),
        ({}, ("a", "b"), ""),
    ],
)
def test_a_member_at_a_path(value: object, path: tuple[str, ...], expected: str) -> None:
    assert text(get(node(value), *path)) == expected


@table(("disabled", "session_tags"), [(True, "false"), (False, "true"), ("yes", "yes"), (None, None)])
def test_session_tags_are_the_opposite_of_disabled_ones(disabled: object, session_tags: str | None) -> None:
    file = ForeignFile("x.yaml", Mistakes())
    row: dict[str, Any] = {"namespace": "shop", "serviceAccount": "web", "disableSessionTags": disabled}
    file.association("blue", lambda key: get(node(row), key), node("r"), AT)
    ((cluster, association),) = file.associations
    assert (cluster, text(get(association, "serviceAccount")), text(get(association, "role"))) == (
        "blue",
        "shop/web",
        "r",
    )
    value = get(association, "sessionTags")
    assert (value.value if value is not None else None) == session_tags
    assert get(association, "targetRole") is None


def test_an_account_without_a_namespace_has_no_name() -> None:
    assert text(account_node(node("shop"), node("web"))) == "shop/web"
    assert account_node(None, node("web")) is None
    assert account_node(node("shop"), None) is None


@table(
    ("tags", "own"),
    [
        ({"team": "a", "AWS:x": "b", "podid:owner": "c"}, {"team": "a"}),
        ({"aws:x": "b"}, None),
        ("a", "a"),
    ],
)
def test_own_tags_omit_those_of_aws_and_the_mark(tags: object, own: object) -> None:
    kept = own_tags(node(tags))
    assert (kept.data() if kept is not None else None) == own


def test_tags_of_a_list() -> None:
    kept = tags_of_list(node([{"key": "team", "value": "a"}, {"key": "aws:x", "value": "b"}]))
    assert kept is not None
    assert kept.data() == {"team": "a"}
    assert tags_of_list(None) is None


@table(
    ("arn", "expected"),
    [
        ("arn:aws:iam::111122223333:role/team/shop", "shop"),
        ("arn:aws:iam::111122223333:role/other", "arn:aws:iam::111122223333:role/other"),
        ("shop", "shop"),
    ],
)
def test_a_role_of_the_file_is_known_by_its_name(arn: str, expected: str) -> None:
    assert text(role_name_node(node(arn), {"team/shop": "shop"})) == expected
