"""JSON Schemas (draft 2020-12) of podid's documents, made from the classes that say what they hold.

They are strict on purpose: a member that no class declares fails podid's own tests, so a document cannot grow or lose
one unnoticed.
"""

import pkgutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import import_module
from types import UnionType
from typing import Annotated, Any, Literal, NotRequired, Union, cast, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import TypedDict

import podid
from podid.domain.declaration import DECLARATION_KIND, DeclarationFile
from podid.domain.encoding import JsonObject, Member, is_shape, members_of
from podid.domain.members import API_VERSION, DESCRIPTIONS, KINDS, SCHEMA_NAMES, Time
from podid.domain.section import Known, Missing
from podid.ops.change import kinds
from podid.render.errors import ErrorDocument

Schema = dict[str, Any]


def all_kinds() -> dict[str, type]:
    """Kind -> its class: known once every module is imported that may declare one."""
    for module in pkgutil.walk_packages(podid.__path__, "podid."):
        if module.name.startswith(("podid.domain", "podid.ops", "podid.render", "podid.commands")):
            import_module(module.name)
    return dict(sorted(KINDS.items()))


def schemas() -> dict[str, Schema]:
    """Kind -> its schema."""
    # an error is no kind: it goes to stderr by itself; a declaration is read, not printed
    others = {"Error": ErrorDocument, DECLARATION_KIND: DeclarationFile}
    return {kind: _document(kind, shape) for kind, shape in {**all_kinds(), **others}.items()}


def _document(kind: str, shape: type) -> Schema:
    definitions = _generate(_typed_dict(shape))
    top = definitions.pop(_name(shape))
    for name in [name for name in definitions if name.startswith("ActionBody")]:
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


# --- the types that pydantic takes ------------------------------------------------------------------------------------


def _name(shape: type) -> str:
    return SCHEMA_NAMES.get(shape, f"{shape.__name__}Body")


@cache
def _typed_dict(shape: type) -> Any:
    """The members of a class, by their names in JSON."""
    # what stands flat comes first, as the members of a base do
    flat, own = ({m.key: _member_type(m) for m in members_of(shape) if m.flat is where} for where in (True, False))
    kind = next((kind for kind, cls in KINDS.items() if cls is shape), "")
    members = {**flat, **({"kind": Literal[kind]} if kind else {}), **own}
    made = TypedDict(_name(shape), members)  # type: ignore[misc]
    made.__doc__ = DESCRIPTIONS.get(shape) or None
    return made


def _member_type(member: Member) -> Any:
    type_ = _json_type(member.type_)
    return NotRequired[type_] if member.optional else type_


def _json_type(type_: Any) -> Any:
    """What a value of the type is in JSON."""
    origin, args = get_origin(type_), get_args(type_)
    if origin is Annotated:
        return Annotated[_json_type(args[0]), *args[1:]]
    if origin in (Union, UnionType):
        return Union[tuple(None if arg is Missing else _json_type(arg) for arg in args)]  # noqa: UP007
    if origin is Known:
        return _json_type(args[0])
    if origin in (tuple, Sequence):
        return Sequence[_json_type(args[0])]  # type: ignore[misc]
    if origin is Mapping:
        return Mapping[str, _json_type(args[1])]  # type: ignore[misc]
    if type_ is datetime:
        return Time
    if type_ == JsonObject:
        return Mapping[str, object]
    return _typed_dict(type_) if is_shape(type_) else type_


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
