"""JSON from outside: what is not of the expected form is told by the member's name, never by its value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from harness import table
from podid.domain import foreign
from podid.domain.foreign import Malformed, many, record, text

SECRET = "s3cret"
READERS: dict[Callable[..., Any], tuple[Any, Any]] = {  # -> (a value that is read, what it is read as)
    foreign.text: ("a", "a"),
    foreign.text_or: ("", ""),
    foreign.interned: ("a", "a"),
    foreign.number_or: (7, 7),
    foreign.flag_or: (True, True),
    foreign.instant_or_none: ("2026-11-24T10:00:00+02:00", datetime(2026, 11, 24, 8, tzinfo=UTC)),
    foreign.instant: ("2026-11-24T10:00:00+02:00", datetime(2026, 11, 24, 8, tzinfo=UTC)),
    foreign.inner: ({"a": 1}, {"a": 1}),
    foreign.inner_or_empty: ({"a": 1}, {"a": 1}),
    foreign.inners: ([{"a": 1}], [{"a": 1}]),
    foreign.inners_or_none: ([{}], [{}]),
    foreign.texts: (["a"], ("a",)),
    foreign.texts_or_none: (["a"], ("a",)),
    foreign.words_or_none: (["a", ""], ("a", "")),
    foreign.pairs: ({"a": "b", "c": None}, {"a": "b", "c": ""}),
}
REQUIRED = {foreign.text, foreign.instant, foreign.inner, foreign.inners, foreign.texts}
WRONG: tuple[Any, ...] = (
    *(SECRET, 7, 1.5, True, [SECRET], [7], [None], [[SECRET]], {"x": 7}, {"x": [SECRET]}, b"x", float("nan")),
    *("x" * (foreign.LONGEST_TEXT + 1), "2026-11-24T10:00:00", "9999-12-31T23:59:59-10:00"),
)


@table("read", READERS)
def test_a_member_of_the_expected_type_is_read(read: Callable[..., Any]) -> None:
    value, wanted = READERS[read]
    assert read({"m": value}, "m") == wanted


@table("read", READERS)
@table("value", WRONG)
def test_a_member_of_another_type_is_reported_without_its_value(read: Callable[..., Any], value: Any) -> None:
    try:
        found = read({"m": value}, "m")
    except Malformed as error:
        said = str(error)
        assert said.startswith(("m ", "one of m ", "x ", "one of x "))
        assert SECRET not in said
        assert "\n" not in said
    else:
        assert type(found) is type(READERS[read][1])


@table("read", READERS)
@table("data", [{}, {"m": None}])
def test_a_missing_member_is_empty_or_reported(read: Callable[..., Any], data: dict[str, Any]) -> None:
    if read in REQUIRED:
        with pytest.raises(Malformed, match=r"^m is missing$"):
            read(data, "m")
    else:
        assert not read(data, "m")


def test_a_document_may_be_nested_but_not_without_end() -> None:
    deep: Any = "end"
    for _ in range(foreign.DEEPEST - 1):
        deep = {"Statement": [deep]} if isinstance(deep, str) else [deep]
    foreign.check_depth(deep, "trust")
    with pytest.raises(Malformed, match=r"^trust is nested deeper than 40 levels$"):
        foreign.check_depth([[deep]], "trust")


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (["b", "c", "b"], "it returns the same page repeatedly"),
        ([str(number) for number in range(9)], "it has more than 7"),
    ],
)
def test_pages_have_an_end(monkeypatch: pytest.MonkeyPatch, tokens: list[str], said: str) -> None:
    monkeypatch.setattr(foreign, "MOST_PAGES", 7)
    assert list(foreign.pages(lambda token: (token, {"": "b", "b": "c"}.get(token, "")))) == ["", "b", "c"]
    rest = iter(tokens)
    with pytest.raises(Malformed, match=said):
        list(foreign.pages(lambda token: (token, next(rest))))


@dataclass(frozen=True)
class Thing:
    name: str
    owner_arn: str | None
    made_at: datetime
    kind: str = "plain"
    size: int = 3
    old: bool | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


THING = record(Thing, made_at="meta.madeAt", kind="meta.kind", notes=many("meta.notes", partial(text, name="text")))
META = {"madeAt": "2026-11-25T10:00:00Z"}
LEAST = {"name": "a", "meta": META}
MADE_AT = datetime(2026, 11, 25, 10, tzinfo=UTC)


def test_a_record_is_read_by_the_types_of_its_fields() -> None:
    assert THING(LEAST) == Thing("a", None, MADE_AT)
    more = {"ownerArn": "b", "size": 0, "old": False, "tags": {"x": ""}, "unknown": 1}
    meta = {**META, "kind": "c", "notes": [{"text": "d"}]}
    assert THING({**LEAST, **more, "meta": meta}) == Thing("a", "b", MADE_AT, "c", 0, False, {"x": ""}, ("d",))


@table(
    ("data", "why"),
    [
        ({**LEAST, "name": ""}, "name is missing"),
        ({**LEAST, "name": 5}, "name is a number, not text"),
        ({"name": "a"}, "meta is missing"),
        ({"name": "a", "meta": {}}, "madeAt is missing"),
        ({"name": "a", "meta": {"madeAt": "s3cret"}}, "madeAt is not a time"),
        ({**LEAST, "size": "5"}, "size is text, not a number"),
        ({**LEAST, "old": 1}, "old is a number, not true or false"),
        ({**LEAST, "tags": {"x": []}}, "x is a list, not text"),
    ],
)
def test_a_record_with_a_missing_or_malformed_member(data: dict[str, object], why: str) -> None:
    with pytest.raises(Malformed, match=f"^{why}$"):
        THING(data)


def test_a_record_has_no_members_beside_its_fields() -> None:
    with pytest.raises(TypeError, match="Thing has no other"):
        record(Thing, other="x")
    assert record(Thing, name="name?", made_at="meta.madeAt")({"meta": META}).name == ""
