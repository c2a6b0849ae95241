"""Kinds of documents, their members, and the names of their schemas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

import pytest

from podid.domain import members
from podid.domain.members import About, Document


@pytest.fixture(autouse=True)
def _registers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the classes of these tests out of the registers of the program."""
    for register in ("KINDS", "ORDERS", "DESCRIPTIONS", "SCHEMA_NAMES"):
        monkeypatch.setattr(members, register, {})


def test_a_dataclass_is_a_kind_with_members_in_an_order() -> None:
    @members.kind("Thing", "`podid thing`.")
    @members.schema_name("ThingBody", "not used")
    @members.members("b a")
    @dataclass(frozen=True)
    class Result:
        a: int
        b: int

    assert {"Thing": Result} == members.KINDS
    assert {Result: ("b", "a")} == members.ORDERS
    assert {Result: "`podid thing`."} == members.DESCRIPTIONS
    assert {Result: "ThingBody"} == members.SCHEMA_NAMES


def test_a_document_describes_its_schema() -> None:
    class Part(Document):
        """A part."""

    class Whole(Document, kind="Thing"):
        """A thing."""

    assert {"Thing": Whole} == members.KINDS
    assert {Part: "A part.", Whole: "A thing."} == members.DESCRIPTIONS
    assert {Part: "Part", Whole: "Whole"} == members.SCHEMA_NAMES


def test_several_kinds_have_one_shape() -> None:
    class Shape(Document):
        name: str

    copied = members.document_of("Copy", Shape, "`podid copy`.")
    assert (members.KINDS["Copy"], members.DESCRIPTIONS[copied], copied.__name__) == (
        copied,
        "`podid copy`.",
        "CopyDocument",
    )
    assert get_type_hints(copied) == {"name": str}


def test_a_list_has_its_objects_under_items() -> None:
    listed = members.list_of("Things", Mapping, "`podid things`.")
    assert members.KINDS["Things"] is listed
    assert get_type_hints(listed) == {"items": Sequence[Mapping]}  # type: ignore[type-arg]


def test_a_description_adds_to_the_schema_of_the_type() -> None:
    def handler(schema: str) -> dict[str, Any]:
        return {"type": schema}

    about = About("The time.", format="date-time")
    assert about.__get_pydantic_json_schema__("string", handler) == {
        "type": "string",
        "description": "The time.",
        "format": "date-time",
    }
