"""JSON Schemas (draft 2020-12) of podid's documents, made from their types.

They are strict on purpose: a member that no type declares fails podid's own tests, so a document cannot grow or lose
one unnoticed.
"""

from typing import Any, NotRequired, cast, get_type_hints

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import TypedDict

from podid.ops.change import kinds
from podid.render.documents.all import KINDS
from podid.render.documents.changes import ActionBody
from podid.render.documents.tool import ErrorDocument
from podid.render.view import API_VERSION

Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """kind -> its schema."""
    # an error is no kind: it goes to stderr by itself
    return {kind: _document(kind, shape) for kind, shape in {**KINDS, "Error": ErrorDocument}.items()}


def _document(kind: str, shape: Any) -> Schema:
    definitions = _generate(shape)
    top = definitions.pop(shape.__name__)
    for name in [name for name in definitions if name.startswith(ActionBody.__name__)]:
        definitions |= {name: _for_each_kind(definitions[name]), **{each.name: _state(each) for each in kinds.KINDS}}
    if kind in KINDS:
        head = {"apiVersion": {"const": API_VERSION, "type": "string"}, "kind": top["properties"]["kind"]}
        top["properties"] = {**head, **top["properties"]}
        top["required"] = [*head, *(name for name in top["required"] if name not in head)]
    whole = {"$schema": GenerateJsonSchema.schema_dialect, "title": kind, **top}
    return {**whole, "$defs": definitions} if definitions else whole


def _for_each_kind(action: Schema) -> Schema:
    """An action holds states of its own kind of resource."""
    shapes = []
    for kind in kinds.KINDS:
        state = {"anyOf": [{"$ref": f"#/$defs/{kind.name}"}, {"type": "null"}]}
        members = {**action["properties"], "kind": {"const": kind.name}, "before": state, "after": state}
        shapes.append({**action, "properties": members})
    return {"oneOf": shapes}


def _state(kind: kinds.ResourceKind) -> Schema:
    types = get_type_hints(kind.state, include_extras=True)
    members = {name: type_ if name in kind.keys else NotRequired[type_] for name, type_ in types.items()}
    shape = TypedDict("State", members)  # type: ignore[misc]
    return cast("Schema", _generate(shape)["State"])


def _generate(shape: Any) -> Schema:
    """The definitions of a type and of all that it is made of, by the names of their classes."""
    # the list is there since a TypedDict by itself takes no configuration
    adapter = TypeAdapter(list[shape], config=ConfigDict(extra="forbid"))
    return cast("Schema", _tidy(adapter.json_schema()["$defs"]))


def _tidy(schema: Any) -> Any:
    """Without titles, which only repeat the names of members and classes, and with docstrings on one line."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if isinstance(schema, dict):
        return {key: _tidy(value) for key, value in schema.items() if key != "title" or isinstance(value, dict)}
    return " ".join(schema.split()) if isinstance(schema, str) else schema
