"""What sentences are made of: nearest names, shortened lists, names out of ARNs."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podid.domain.names import addon_name, role_name, role_path
from podid.domain.words import did_you_mean, nearest, short_list

NAMES = st.text("abc-", min_size=1, max_size=6)


@given(NAMES, st.lists(NAMES))
def test_what_was_typed_is_never_suggested(typed: str, known: list[str]) -> None:
    found = nearest(typed, [*known, typed])
    assert typed not in found
    assert set(found) <= set(known)
    assert len(found) <= 3


def test_did_you_mean() -> None:
    assert did_you_mean("storefrnt", ["storefront", "orders"]) == "; did you mean storefront?"
    assert did_you_mean("role-1", ["role-2", "role-3"]) == "; did you mean role-3 or role-2?"
    assert did_you_mean("storefrnt", ["storefront", "storefronts"], 1) == "; did you mean storefront?"
    assert did_you_mean("storefront", ["storefront"]) == did_you_mean("zzz", ["storefront"]) == ""


@pytest.mark.parametrize(
    ("names", "text"), [("", ""), ("a", "a"), ("ab", "a, b"), ("abc", "a, b and 1 more"), ("abcde", "a, b and 3 more")]
)
def test_short_list(names: str, text: str) -> None:
    assert short_list(names, 2) == text


def test_names_out_of_arns() -> None:
    addon = "arn:aws:eks:us-west-2:111122223333:addon/demo/aws-ebs-csi-driver/9ec4aa5a-0000-0000-0000-000000000000"
    assert addon_name(addon) == "aws-ebs-csi-driver"
    assert addon_name("something else") == "something else"
    plain, deep = "arn:aws:iam::111122223333:role/orders", "arn:aws-cn:iam::111122223333:role/team/shop/orders"
    assert [(role_path(arn), role_name(arn)) for arn in (plain, deep)] == [("/", "orders"), ("/team/shop/", "orders")]


def test_no_other_module_looks_for_near_names() -> None:
    package = Path(__file__).parent.parent / "src" / "podid"
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if getattr(node, "id", getattr(node, "attr", "")) == "get_close_matches"
    }
    assert found == {"domain/words.py"}
