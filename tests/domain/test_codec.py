"""Dataclasses as JSON and back, by the types of their fields."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest

from harness import table
from podid.domain.codec import from_plain, to_plain
from podid.domain.foreign import Malformed
from podid.domain.section import Section
from podid.domain.snapshot import Known, Missing


def test_types_without_a_form_in_json() -> None:
    with pytest.raises(TypeError, match="bytes"):
        to_plain((b"x",))
    with pytest.raises(TypeError, match="bytes"):
        from_plain(bytes, "x", "x")


class Size(StrEnum):
    SMALL = "small"


@dataclass(frozen=True)
class Item:
    name: str
    count: int = 0
    size: Size | None = None
    at: datetime | None = None
    pairs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Whole:
    items: Section[tuple[Item, ...]]


NOW = datetime(2026, 11, 24, tzinfo=UTC)
FULL = Item("a", 2, Size.SMALL, NOW, {("b", "c"): 1, ("a", "d"): 2}, {"w": ("x", "y")}, frozenset({"n", "m"}))


@table(
    ("value", "plain"),
    [
        (Item("a"), {"name": "a"}),
        (
            FULL,
            {
                "name": "a",
                "count": 2,
                "size": "small",
                "at": "2026-11-24T00:00:00+00:00",
                "pairs": [[["a", "d"], 2], [["b", "c"], 1]],
                "words": {"w": ["x", "y"]},
                "names": ["m", "n"],
            },
        ),
        (Whole(Known((Item("a"),))), {"items": {"known": [{"name": "a"}]}}),
        (Whole(Missing("no", "iam:GetRole")), {"items": {"missing": {"reason": "no", "permission": "iam:GetRole"}}}),
    ],
)
def test_a_value_is_read_back_as_it_was(value: Any, plain: object) -> None:
    assert to_plain(value) == plain
    assert from_plain(type(value), json.loads(json.dumps(plain)), "x") == value


@table(
    ("plain", "problem"),
    [
        ([], "x is a list, not an object"),
        ({}, "x.name is missing"),
        ({"name": "a", "other": 1}, "x.other is not a known member"),
        ({"name": 1}, "x.name is a number, not text"),
        ({"name": "a", "count": True}, "x.count is true or false, not a number"),
        ({"name": "a", "size": "large"}, "x.size is not one of small"),
        ({"name": "a", "at": "yesterday"}, "x.at is not a time"),
        ({"name": "a", "at": "2026-11-24T00:00:00"}, "x.at has no time zone"),
        ({"name": "a", "words": {"w": "x"}}, "x.words.w is text, not a list"),
        ({"name": "a", "words": {"w": ["x", 1]}}, "x.words.w[1] is a number, not text"),
        ({"name": "a", "pairs": [["a", 1, 2]]}, "x.pairs does not have 2 items"),
    ],
)
def test_another_form_is_refused_with_its_place(plain: object, problem: str) -> None:
    with pytest.raises(Malformed) as raised:
        from_plain(Item, plain, "x")
    assert str(raised.value) == problem


@table("plain", [{}, {"known": [], "missing": {"reason": "x"}}, {"other": []}])
def test_a_section_is_known_or_missing(plain: dict[str, object]) -> None:
    with pytest.raises(Malformed, match="neither known nor missing"):
        from_plain(Whole, {"items": plain}, "x")
