"""Configuration values of an add-on, and their validation with EKS's schema."""

import json
from typing import Any

import pytest

from harness import table
from podid.aws.addon_values import Schema, parse_values, to_text
from podid.domain.errors import InvalidInput


@table(
    ("text", "values"),
    [
        ("", {}),
        (" \n", {}),
        ("# nothing\n", {}),
        ('{"podLabels": {"a": "b"}}', {"podLabels": {"a": "b"}}),
        ("agent:\n  additionalArgs:\n    -b: 127.0.0.1\n", {"agent": {"additionalArgs": {"-b": "127.0.0.1"}}}),
    ],
)
def test_values_are_json_or_yaml(text: str, values: dict[str, Any]) -> None:
    assert parse_values(text, "values.yaml") == values
    assert parse_values(to_text(values), "values.yaml") == values


@table("text", ["[]", "3", "a: 2026-01-02 03:04:05\n"])
def test_values_that_json_cannot_represent_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an object of configuration values"):
        parse_values(text, "values.yaml")


SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "replicas": {"type": "integer"},
        "mode": {"enum": ["a", "b"]},
        "nested": {"type": "object", "properties": {"on": {"type": ["boolean", "null"]}}},
    },
}


@table(
    ("values", "errors"),
    [
        ({"replicas": 2, "mode": "a", "nested": {"on": None}}, []),
        ({"replicas": "2"}, [(("replicas",), 'is "2", but must be integer')]),
        ({"mode": "c"}, [(("mode",), 'is "c", but must be one of "a", "b"')]),
        ({"replica": 2}, [((), "has no key replica; did you mean replicas?")]),
        (
            {"nested": {"on": "x" * 60}, "mode": "c"},
            [
                (("nested", "on"), f'is "{"x" * 36}..., but must be boolean or null'),
                (("mode",), 'is "c", but must be one of "a", "b"'),
            ],
        ),
    ],
)
def test_violations_of_the_schema(values: dict[str, Any], errors: list[Any]) -> None:
    schema = Schema(json.dumps(SCHEMA))
    assert schema.errors(values) == errors
    assert schema.problem == ""


@table(
    ("text", "problem"),
    [
        ("", "EKS provides no schema for this version"),
        ("{", "the schema from EKS cannot be used (JSONDecodeError)"),
        ('{"type": 5}', "the schema from EKS cannot be used (SchemaError)"),
        ('{"$ref": "https://example.com/other"}', "the schema from EKS cannot be used (_WrappedReferencingError)"),
    ],
)
def test_values_are_not_validated_without_a_usable_schema(text: str, problem: str) -> None:
    schema = Schema(text)
    assert schema.errors({"a": 1}) == []
    assert schema.problem == problem
