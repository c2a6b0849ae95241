"""Results as JSON, by the annotations of their members."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import pytest

from podid.domain.encoding import Items, encode, encoder, members_of, plain
from podid.domain.members import AS_TEXT, FLAT, HIDDEN, OPTIONAL, OR_NULL, As, Document, From, Key
from podid.domain.section import NOT_READ, Known, Section

AT = datetime(2026, 3, 4, 5, 6, 7, 800_000, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Place:
    name_space: str
    name: Annotated[str, Key("serviceAccount")]

    def __str__(self) -> str:
        return f"{self.name_space}/{self.name}"


@dataclass(frozen=True)
class Result:
    place: Annotated[Place, FLAT]
    colour: Colour
    made_at: datetime | None = None
    told: Annotated[str, OR_NULL] = ""
    role: Annotated[str, OPTIONAL, OR_NULL] = ""
    secret: Annotated[str, HIDDEN] = "s"
    places: tuple[Place, ...] = ()
    section: Section[Place] = NOT_READ
    numbers: tuple[int, ...] = (1, 2)
    size: Annotated[int, As(str, lambda number: f"{number} MiB"), OPTIONAL] = 1


class Shown(Document):
    colour: Annotated[str, From("result.colour")]
    where: Annotated[str, AS_TEXT, From("result.place")]
    beyond: Annotated[str | None, From("result.section.name")]
    whole: Annotated[Place, From(lambda pair: pair.result.place)]
    class_: Annotated[int, From(lambda pair: len(pair.result.numbers))]
    places: Annotated[Sequence[Place] | None, From("result.places")]


@dataclass(frozen=True)
class Pair:
    result: Result


PLACE = Place("shop", "orders")
JSON = {"nameSpace": "shop", "serviceAccount": "orders"}


def test_members_are_named_and_typed_as_the_fields_say() -> None:
    document = encode(Result, Result(PLACE, Colour.RED, AT, places=(PLACE,)))
    assert list(document) == [*JSON, "colour", "madeAt", "told", "places", "section", "numbers"]
    rest = {"colour": "red", "madeAt": "2026-03-04T05:06:07.800Z", "told": None, "section": None, "numbers": [1, 2]}
    assert plain(document) == {**JSON, **rest, "places": [JSON]}
    assert isinstance(document["places"], Items)


def test_a_value_is_neither_omitted_nor_null() -> None:
    document = plain(encode(Result, Result(PLACE, Colour.RED, told="x", role="r", section=Known(PLACE))))
    assert isinstance(document, dict)
    assert (document["told"], document["role"], document["section"], document["madeAt"]) == ("x", "r", JSON, None)


def test_a_member_that_is_optional_is_omitted_if_it_has_its_default() -> None:
    assert encode(Result, Result(PLACE, Colour.RED, size=2))["size"] == "2 MiB"
    assert "size" not in encode(Result, Result(PLACE, Colour.RED, size=1))


def test_values_of_several_classes() -> None:
    values = (PLACE, "x", Result(PLACE, Colour.RED))
    assert plain(encoder(Sequence[Place | Result | str])(values)) == [JSON, "x", plain(encode(Result, values[2]))]


def test_a_document_takes_its_members_from_where_it_says() -> None:
    document = encode(Shown, Pair(Result(PLACE, Colour.RED, section=Known(PLACE))), places=None)
    assert document == {
        "colour": "red",
        "where": "shop/orders",
        "beyond": "orders",
        "whole": JSON,
        "class": 2,
        "places": None,
    }
    assert encode(Shown, Pair(Result(PLACE, Colour.RED)))["beyond"] is None


def test_a_member_that_a_result_does_not_have_is_an_error() -> None:
    class Wrong(Document):
        colour: Annotated[str, From("result.color")]

    with pytest.raises(AttributeError, match="color"):
        encode(Wrong, Pair(Result(PLACE, Colour.RED)))


def test_members_that_stand_flat_are_known_as_such() -> None:
    assert [(member.name, member.flat) for member in members_of(Result)][:3] == [
        ("name_space", True),
        ("name", True),
        ("colour", False),
    ]
