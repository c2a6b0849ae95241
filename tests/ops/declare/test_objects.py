"""Members of an object in a file: values, defaults, and the place of each mistake."""

from collections.abc import Callable
from typing import Any

from harness import table
from podid.domain.errors import InvalidInput
from podid.local.documents import Mistakes, read_documents
from podid.ops.declare.objects import Members

KNOWN = ("name", "flag", "list", "tags", "policy", "boundary")


def members(text: str) -> Members:
    mistakes = Mistakes()
    (node,) = read_documents(text, "x.yaml", mistakes)
    return Members(node, "roles[0]", KNOWN, mistakes)


def mistakes(item: Members) -> list[str]:
    return [str(mistake) for mistake in item.mistakes.items]


def refuse(*_: str) -> None:
    raise InvalidInput("is refused")


@table(
    ("text", "read", "value"),
    [
        ("name: a", lambda item: item.text("name"), "a"),
        ("flag: true", lambda item: item.text("name", default="d"), "d"),
        ("name:", lambda item: item.text("name", default="d"), "d"),
        ("flag: false", lambda item: item.flag("flag", default=True), False),
        ("name: a", lambda item: item.flag("flag", default=True), True),
        ("list: [a, b]", lambda item: item.texts("list"), ("a", "b")),
        ("tags: {a: b}", lambda item: item.pairs("tags"), {"a": "b"}),
        ("policy: {a: [1, true]}", lambda item: item.document("policy")[0], {"a": [1, True]}),
        ("policy: '{\"a\": [1]}'", lambda item: item.document("policy")[0], {"a": [1]}),
        ("name: a", lambda item: item.document("policy"), None),
    ],
)
def test_a_value_is_read(text: str, read: Callable[[Members], Any], value: object) -> None:
    item = members(text)
    assert (read(item), mistakes(item)) == (value, [])


@table(
    ("text", "read", "value", "mistake"),
    [
        ("name: ' '", lambda item: item.text("name"), "", "x.yaml:1:7: roles[0].name: is empty"),
        ("name: no", lambda item: item.text("name", default="d"), "d", "x.yaml:1:7: roles[0].name: must be text"),
        ("name: a", lambda item: item.text("name", refuse), "", "x.yaml:1:7: roles[0].name: is refused"),
        ("flag: true", lambda item: item.text("name", required=True), "", "x.yaml:1:1: roles[0].name: is required"),
        ("flag: 1", lambda item: item.flag("flag", default=True), True, "x.yaml:1:7: roles[0].flag: must be true or"),
        ("list: [a, [b]]", lambda item: item.texts("list"), ("a",), "x.yaml:1:11: roles[0].list[1]: must be text"),
        ("list: a", lambda item: item.texts("list"), (), "x.yaml:1:7: roles[0].list: must be a list"),
        ("tags: {a: [b]}", lambda item: item.pairs("tags"), {}, "x.yaml:1:11: roles[0].tags.a: must be text"),
        ("tags: {a: b}", lambda item: item.pairs("tags", refuse), {}, "x.yaml:1:11: roles[0].tags.a: is refused"),
        ("policy: [a]", lambda item: item.document("policy"), None, "x.yaml:1:9: roles[0].policy: must be an object"),
        ("policy: {a: no}", lambda item: item.document("policy"), None, "x.yaml:1:13: roles[0].policy: must be text"),
    ],
)
def test_a_mistake_has_its_place_and_the_default_is_used(
    text: str, read: Callable[[Members], Any], value: object, mistake: str
) -> None:
    item = members(text)
    assert read(item) == value
    (line,) = mistakes(item)
    assert line.startswith(mistake)


@table(
    ("text", "mistake"),
    [
        ("nmae: a", "x.yaml:1:1: roles[0].nmae: is not a known key; did you mean name?"),
        (
            "permissionsBoundary: a",
            "x.yaml:1:1: roles[0].permissionsBoundary: is not a known key; did you mean boundary?",
        ),
        ("trustPolicy: a", f"x.yaml:1:1: roles[0].trustPolicy: is not a known key; known are {', '.join(KNOWN)}"),
        ("- a", "x.yaml:1:1: roles[0]: must be an object, not a list"),
    ],
)
def test_an_unknown_key_is_a_mistake(text: str, mistake: str) -> None:
    assert mistakes(members(text)) == [mistake]


def test_a_key_that_is_no_text_is_one_mistake() -> None:
    item = members("1: a\nname: b\n[2]: {c: d}\n")
    assert [line.partition(" must")[0] for line in mistakes(item)] == ["x.yaml:1:1: a key", "x.yaml:3:1: a key"]
    assert item.text("name") == "b"
