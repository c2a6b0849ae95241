"""The words in which JSON Schemas are written here: small functions that each return a plain dict."""

from collections.abc import Mapping
from typing import Any

from podid.render.view import API_VERSION

Schema = dict[str, Any]

BASE = "https://json-schema.org/draft/2020-12/schema"


def text(about: str = "") -> Schema:
    return _about({"type": "string"}, about)


def number(about: str = "") -> Schema:
    return _about({"type": "integer"}, about)


def flag(about: str = "") -> Schema:
    return _about({"type": "boolean"}, about)


def one_of(values: Any, about: str = "") -> Schema:
    return _about({"enum": [str(value) for value in values]}, about)


def listing(items: Schema, about: str = "") -> Schema:
    return _about({"type": "array", "items": items}, about)


def pairs(values: Schema, about: str = "") -> Schema:
    """An object whose keys are the user's own: tags, environment variables."""
    return _about({"type": "object", "additionalProperties": values}, about)


def free(about: str) -> Schema:
    """Somebody else's document: an IAM policy, a Kubernetes manifest."""
    return _about({"type": "object"}, about)


def maybe(schema: Schema, about: str = "") -> Schema:
    """The same, or null where there is none or the API has none."""
    inner = {key: value for key, value in schema.items() if key != "description"}
    words = about or schema.get("description", "")
    if set(inner) == {"type"} and isinstance(inner["type"], str):
        return _about({"type": [inner["type"], "null"]}, words)
    return _about({"anyOf": [inner, {"type": "null"}]}, words)


def members(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, about: str = "") -> Schema:
    """An object with these members and no others."""
    return _about(
        {
            "type": "object",
            "properties": {**required, **(optional or {})},
            "required": list(required),
            "additionalProperties": False,
        },
        about,
    )


def document(
    kind: str, about: str, required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None
) -> Schema:
    head = {"apiVersion": {"const": API_VERSION}, "kind": {"const": kind}}
    return {"$schema": BASE, "title": kind, **members({**head, **required}, optional, about)}


def _about(schema: Schema, about: str) -> Schema:
    return {**schema, "description": about} if about else schema


TIME: Schema = {"type": "string", "format": "date-time", "description": "RFC 3339, UTC."}
ARN = text("An ARN, in full.")
NAMES = listing(text())
SERVICE_ACCOUNTS = listing(text(), "Each as NAMESPACE/NAME.")
POLICY = free("A policy in IAM's policy language, as it is.")
ARGV = listing(text(), "An argument vector, to be run as it is.")
