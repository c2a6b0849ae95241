"""YAML and JSON documents: values with their positions, scalars without a clear type, variables, and mistakes."""

from collections.abc import Mapping
from typing import Any

import pytest

from harness import table
from podid.domain.declaration import Position
from podid.domain.errors import InvalidInput
from podid.local.documents import MOST_BYTES, DocumentNode, Mistakes, NotReadable, read_documents


def read(text: str, variables: Mapping[str, str] | None = None) -> DocumentNode:
    mistakes = Mistakes()
    (node,) = read_documents(text, "f", mistakes, variables)
    mistakes.check()
    return node


def mistakes_of(text: str, variables: Mapping[str, str] | None = None) -> list[str]:
    mistakes = Mistakes()
    read_documents(text, "f", mistakes, variables)
    return [str(item) for item in mistakes.items]


def value_of(text: str) -> DocumentNode:
    return read(f"k: {text}\n").members["k"]


def test_every_value_has_its_position() -> None:
    node = read("a:\n  - b: x\n  - 'y'\n")
    assert (node.at, node.keys["a"]) == (Position("f", 1, 1), Position("f", 1, 1))
    first, second = node.members["a"].items
    assert (first.at, first.members["b"].at, second.at) == (
        Position("f", 2, 5),
        Position("f", 2, 8),
        Position("f", 3, 5),
    )
    assert node.find(["a", 1]) is second
    # the nearest value above a path that does not exist
    assert node.find(["a", 5, "x"]) is node.members["a"]


@table(
    ("text", "data"),
    [
        ("x", "x"),
        ("'no'", "no"),
        ('"1"', "1"),
        ("12", 12),
        ("-0.5", -0.5),
        ("true", True),
        ("~", None),
        ("", None),
        ("[a, {b: 1}]", ["a", {"b": 1}]),
        ("| \n  two\n  lines\n", "two\nlines\n"),
        ("v1.2.3", "v1.2.3"),
        ("arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a"),
    ],
)
def test_data(text: str, data: object) -> None:
    assert value_of(text).data() == data


@table("text", ["no", "Yes", "on", "n", "0123", "0x1f", "1_000", "12:30", "2026-01-01", "1e3", ".inf", "="])
def test_a_scalar_that_two_versions_of_yaml_read_differently_is_refused(text: str) -> None:
    with pytest.raises(NotReadable, match="quote it"):
        value_of(text).data()
    with pytest.raises(NotReadable, match="read it differently"):
        _ = value_of(text).text
    assert value_of(f"'{text}'").text == text


@table("text", ["0abcdef", "0bef", "_e", "0o", "a1", "10m"])
def test_a_scalar_that_is_no_number_in_any_version_of_yaml_is_text(text: str) -> None:
    assert value_of(text).text == text


@table(
    ("text", "member", "reason"),
    [
        ("12", "text", 'must be text: quote it, "12" (YAML reads it as a number)'),
        ("true", "text", 'must be text: quote it, "true" (YAML reads true)'),
        ("~", "text", 'must be text: quote it, "~" (YAML reads it as null)'),
        ("[]", "text", "must be text, not a list"),
        ("'12'", "number", "must be a whole number, not '12'"),
        ("1.5", "number", "must be a whole number, not '1.5'"),
        ("yes", "flag", "must be true or false, not 'yes'"),
        ("x", "items", "must be a list, not 'x': write [x]"),
        ("{}", "items", "must be a list, not an object"),
        ("~", "members", "must be an object, not empty"),
    ],
)
def test_a_value_of_another_type_is_refused(text: str, member: str, reason: str) -> None:
    with pytest.raises(NotReadable) as raised:
        getattr(value_of(text), member)
    assert str(raised.value) == reason


def test_every_value_that_cannot_be_read_is_listed() -> None:
    node = read("a: no\nb: [1, {c: 0x1}]\nd: x\n")
    assert [item.at.line for item, _ in node.unreadable()] == [1, 2]


def test_empty_documents_are_omitted() -> None:
    mistakes = Mistakes()
    nodes = read_documents("---\n---\na: 1\n---\n~\n---\n- b\n", "f", mistakes)
    assert [node.data() for node in nodes] == [{"a": 1}, ["b"]]


@table(
    ("text", "data"),
    [
        ('{"a":\t[1,\n\t2], "b": "\\ud83d\\ude00 \t"}', None),
        ('{"a":\t[1,\n\t2], "b": "\\ud83d\\ude00"}', {"a": [1, 2], "b": "\U0001f600"}),
        ('[{"a": "b\\"c"}]', [{"a": 'b"c'}]),
    ],
)
def test_json_with_tabs_and_pairs_of_escapes(text: str, data: Any) -> None:
    if data is None:  # JSON forbids a tab within a text
        assert mistakes_of(text)
    else:
        assert read(text).data() == data


@table(
    ("text", "mistake"),
    [
        ("a: 1\na: 2\n", "f:2:1: a: this key appears twice, first in line 1"),
        ("a: &x 1\nb: *x\n", "f:2:4: YAML aliases are not supported; quote a value that begins with *"),
        ("a: !!set {}\n", "f:1:4: the YAML tag tag:yaml.org,2002:set is not supported"),
        ("1: a\n", 'f:1:1: a key must be text: quote it, "1" (YAML reads it as a number)'),
        ("a: " + "[" * 70 + "]" * 70, "f:1:67: the document is nested more than 64 deep"),
        ("a: [\n", "f:2:1: this is neither JSON nor YAML: did not find expected node content"),
        ("x" * (MOST_BYTES + 1), "f: the file is larger than 1 MiB"),
    ],
)
def test_mistakes_of_the_syntax(text: str, mistake: str) -> None:
    assert mistakes_of(text) == [mistake]


def test_variables_are_replaced_after_parsing() -> None:
    values = {"A": "x: [y]", "B": "5", "C": ""}
    node = read("a: ${A}\nb: ${B}\nc: '${C}'\nd: $${A}\ne: ${aws:username}\n", values)
    assert node.data() == {"a": "x: [y]", "b": "5", "c": "", "d": "${A}", "e": "${aws:username}"}
    assert read("a: ${A}\n").data() == {"a": "${A}"}


@table(
    ("text", "mistake"),
    [
        ("a: ${TEAN}", "variable TEAN has no value; did you mean TEAM?"),
        ("a: ${X}", "variable X has no value; pass --var X=VALUE, or write $${X} for the text ${X}"),
        ("a: ${a.b}", "${a.b} is not a variable: letters, digits and _; write $${a.b} for the text"),
    ],
)
def test_a_variable_without_a_value(text: str, mistake: str) -> None:
    assert mistakes_of(text, {"TEAM": "shop"}) == [f"f:1:4: {mistake}"]


def test_all_mistakes_are_one_error_in_the_order_of_the_files() -> None:
    mistakes = Mistakes()
    mistakes.check()
    mistakes.add(Position("b", 2, 1), "second", "k")
    mistakes.add(Position("a", 9, 1), "third")
    mistakes.add(Position("b", 1, 1), "first", "k")
    # a value that could not be read has no other mistake
    mistakes.add(Position("a", 9, 1), "must be text", "k")
    with pytest.raises(InvalidInput) as raised:
        mistakes.check()
    assert (raised.value.message, raised.value.lines) == ("b:1:1: k: first", ("b:2:1: k: second", "a:9:1: third"))


def test_a_long_list_of_mistakes_ends() -> None:
    mistakes = Mistakes()
    for number in range(60):
        mistakes.add(Position("a", number + 1, 1), "x", "k")
    with pytest.raises(InvalidInput) as raised:
        mistakes.check()
    assert (len(raised.value.lines), raised.value.lines[-1]) == (51, "and 9 more")
