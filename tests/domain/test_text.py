"""What sentences are made of: nearest names, shortened lists, names out of ARNs. `Names` measures few names, and
`PolicyIndex` tries few policies: both find what a look at each of them finds."""

import ast
import re
from difflib import get_close_matches
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podid.domain.cluster import Requirement
from podid.domain.names import addon_name, role_name, role_path
from podid.domain.network import CiliumPolicy, NetworkPolicy, PolicyIndex, Selector
from podid.domain.text import Names, count_of, did_you_mean, nearest, short_list

NAMES = st.text("abc-1", min_size=1, max_size=9)
PAIRS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("123"), max_size=3)
NAMESPACES = st.sampled_from(("shop", "other", ""))


@given(NAMES, st.lists(NAMES, max_size=25), st.integers(1, 4), st.sampled_from((0.6, 0.75, 0.85)))
def test_the_nearest_names(typed: str, known: list[str], count: int, alike: float) -> None:
    expected = get_close_matches(typed, sorted(set(known) - {typed}), n=count, cutoff=alike)
    assert Names(known).nearest(typed, count, alike) == expected


@given(st.lists(st.tuples(NAMESPACES, PAIRS, st.booleans()), max_size=20), PAIRS)
def test_the_policies_that_select_a_pod(
    policies: list[tuple[str, dict[str, str], bool]], labels: dict[str, str]
) -> None:
    selectors = [Selector(pairs, (Requirement("x", "Exists"),) if more else ()) for _, pairs, more in policies]
    places = [place for place, _, _ in policies]
    cilium = [
        CiliumPolicy(namespace=p, name=str(n), selector=s)
        for n, (p, s) in enumerate(zip(places, selectors, strict=True))
    ]
    found = [policy for policy in PolicyIndex(cilium).near("shop", labels) if policy.selects("shop", labels)]
    assert found == [policy for policy in cilium if policy.selects("shop", labels)]
    plain = [
        NetworkPolicy(namespace=p, name=str(n), selector=s, egress=True)
        for n, (p, s) in enumerate(zip(places, selectors, strict=True))
    ]
    near = [policy for policy in PolicyIndex(plain).near("shop", labels) if policy.isolates("shop", labels)]
    assert near == [policy for policy in plain if policy.isolates("shop", labels)]


WORDS = st.text("abc-", min_size=1, max_size=6)


@given(WORDS, st.lists(WORDS))
def test_the_typed_word_is_never_suggested(typed: str, known: list[str]) -> None:
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
    ("typed", "near"),
    [("shop/orderz", "shop/orders"), ("shpo/orders", "shop/orders"), ("shop/web", ""), ("web/orders", "")],
)
def test_each_part_of_a_service_account_is_alike(typed: str, near: str) -> None:
    assert nearest(typed, ["shop/orders", "shop/default"], 1) == ([near] if near else [])


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


def test_no_other_module_compares_names() -> None:
    package = Path(__file__).parent.parent.parent / "src" / "podid"
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search("get_close_matches|SequenceMatcher", text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if getattr(node, "id", getattr(node, "attr", "")) in ("get_close_matches", "SequenceMatcher")
    }
    assert found == {"domain/text.py"}


def test_numbers_have_a_plural_that_fits() -> None:
    assert [count_of(number, "pod") for number in (0, 1, 2)] == ["0 pods", "1 pod", "2 pods"]
