"""Two who change one trust policy at once: neither loses what the other wrote."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from harness import examples
from podid.domain import trust


def statement(name: str, sid: bool = True) -> dict[str, Any]:
    body = {"Effect": "Allow", "Principal": {"Service": f"{name}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Sid": name, **body} if sid else body


def policy(*names: str, sid: bool = True, **top: str) -> trust.Policy:
    statements = [statement(name, sid) for name in names]
    return trust.parse_policy({"Version": "2012-10-17", **top, "Statement": statements})


def names(found: trust.Policy | None) -> list[str]:
    assert found is not None
    return [str(item.raw["Principal"]["Service"]).removesuffix(".amazonaws.com") for item in found.statements]  # type: ignore[index]


NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=5)


@settings(max_examples=examples(100))
@given(NAMES, NAMES, NAMES)
def test_what_one_added_and_took_out_is_so_and_the_rest_is_the_others(
    before: list[str], after: list[str], now: list[str]
) -> None:
    if not (before and after and now):
        return
    found = trust.merged(policy(*before), policy(*after), policy(*now))
    added, gone = set(after) - set(before), set(before) - set(after)
    wanted = (set(now) | added) - gone
    if found is None:
        assert not wanted or (added and not gone <= set(now))
        return
    assert set(names(found)) == wanted
    assert [name for name in names(found) if name in now] == [name for name in now if name in wanted]
    assert trust.holds(policy(*before), policy(*after), found)
    assert trust.merged(policy(*before), policy(*after), found) == found


@settings(max_examples=examples(100))
@given(NAMES, st.sampled_from("ijk"), st.sampled_from("lmn"))
def test_the_order_of_two_writers_does_not_matter(before: list[str], one: str, other: str) -> None:
    base = policy(*before, "z")
    first, second = policy(*before, "z", one), policy(*before, "z", other)
    after_first = trust.merged(base, second, first)
    after_second = trust.merged(base, first, second)
    assert names(after_first) == [*before, "z", one, other]
    assert names(after_second) == [*before, "z", other, one]


def test_what_is_replaced_stays_at_its_place() -> None:
    assert names(trust.merged(policy("a", "b", "c"), policy("a", "x", "y", "c"), policy("a", "b", "c", "d"))) == list(
        "axycd"
    )


def test_a_sid_that_another_took_meanwhile_is_not_used_twice() -> None:
    theirs = {**statement("b"), "Sid": "x"}
    now = trust.parse_policy({"Version": "2012-10-17", "Statement": [statement("a"), theirs]})
    found = trust.merged(policy("a"), policy("a", "x"), now)
    assert found is not None
    assert [item.sid for item in found.statements] == ["a", "x", "xn2"]


def test_statements_without_a_sid_get_none() -> None:
    found = trust.merged(policy("a", sid=False), policy("a", "x", sid=False), policy("a", "b", sid=False))
    assert found == policy("a", "b", "x", sid=False)


def test_another_version_is_nothing_to_bring_together() -> None:
    other = trust.parse_policy({"Version": "2008-10-17", "Statement": [statement("a")]})
    assert trust.merged(policy("a"), other, policy("a", "b")) is None
