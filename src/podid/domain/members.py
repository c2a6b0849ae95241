"""Annotations for the members of podid's JSON documents, beyond their Python types.

`podid.domain.encoding` derives JSON from them, and tools/json_schemas.py the schemas.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated, Any, TypeVar

C = TypeVar("C", bound=type)
# of every document
API_VERSION = "podid/v1"


class About:
    """The description of a member, and further keywords of JSON Schema."""

    def __init__(self, description: str, **keywords: object) -> None:
        self.keywords = {"description": description, **keywords}

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Return the schema with the description. pydantic calls it, which only tools/gen_docs.py uses."""
        return {**handler(core_schema), **self.keywords}


@dataclass(frozen=True, slots=True)
class Key:
    """The member's name in JSON, if it is not the field's name in camelCase."""

    name: str


@dataclass(frozen=True, slots=True)
class From:
    """The source of a Document's member: a dotted path of attributes of the result, or a function of the result.
    `From("")` is the result itself. A path ends at null if an attribute is None or a missing section."""

    source: str | Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class As:
    """The member's type in JSON, if it is not the field's, and the function that converts the field's value."""

    type_: Any
    convert: Callable[[Any], object] = lambda value: value


class Manner(Enum):
    """HIDDEN: documents omit the field. FLAT: the members of the value replace it. AS_TEXT: the value is encoded as
    text. OR_NULL: an empty value is null. OPTIONAL: a member that is null, or has the default of its field, is
    omitted."""

    HIDDEN = auto()
    FLAT = auto()
    AS_TEXT = auto()
    OR_NULL = auto()
    OPTIONAL = auto()


HIDDEN, FLAT, AS_TEXT, OR_NULL, OPTIONAL = Manner

# kind of document -> its class
KINDS: dict[str, type] = {}
# dataclass -> its members, if these are not all of its fields in their order
ORDERS: dict[type, tuple[str, ...]] = {}
# class -> the description and the name of its schema
DESCRIPTIONS: dict[type, str] = {}
SCHEMA_NAMES: dict[type, str] = {}


class Document:
    """A document, or a part of one, that differs from its result. Its members are the annotations of the class, those
    of the bases first. It has no instances. Its docstring is the description of the schema."""

    def __init_subclass__(cls, kind: str = "") -> None:
        SCHEMA_NAMES[cls] = cls.__name__
        DESCRIPTIONS[cls] = cls.__doc__ or ""
        if kind:
            KINDS[kind] = cls


def document_of(kind: str, shape: type[Document], description: str) -> type[Document]:
    """Return the class of a kind whose documents have this shape."""
    return type(f"{kind}Document", (shape,), {"__doc__": description}, kind=kind)


def list_of(kind: str, shape: type, description: str) -> type[Document]:
    """Return the class of a kind whose documents list objects of this shape under `items`."""
    members = {"__doc__": description, "__annotations__": {"items": Sequence[shape]}}  # type: ignore[valid-type]
    return type(f"{kind}Document", (Document,), members, kind=kind)


def kind(name: str, description: str) -> Callable[[C], C]:
    """Register a result's dataclass as a kind of document."""

    def register(cls: C) -> C:
        KINDS[name] = cls
        DESCRIPTIONS[cls] = description
        return cls

    return register


def members(names: str) -> Callable[[C], C]:
    """Define which fields and properties of a dataclass its document has, in this order."""

    def register(cls: C) -> C:
        ORDERS[cls] = tuple(names.split())
        return cls

    return register


def schema_name(name: str, description: str = "") -> Callable[[C], C]:
    """Define name and description of a dataclass's schema. The default name is the class name and `Body`."""

    def register(cls: C) -> C:
        SCHEMA_NAMES[cls] = name
        DESCRIPTIONS.setdefault(cls, description)
        return cls

    return register


Time = Annotated[str, About("RFC 3339, UTC.", format="date-time")]
ArnText = Annotated[str, About("The full ARN.")]
TextOrNull = Annotated[str, OR_NULL]
Names = Sequence[str]
Argv = Annotated[Sequence[str], About("An argument vector, ready to run.")]
ServiceAccounts = Annotated[Sequence[str], About("Each as NAMESPACE/NAME.")]
Pairs = Mapping[str, str]
POLICY = About("A policy document in the IAM policy language, unchanged.")
PolicyObject = Annotated[Mapping[str, object], POLICY]
Link = Annotated[int, About("The link of the way to credentials, 1 to 10; 0 is podid's own access.")]
BrokenLink = Annotated[int, OR_NULL, About("The broken link of the way to credentials, 1 to 10.")]
MissingPermission = Annotated[str, OR_NULL, About("The missing permission that prevents the check.")]
ModeId = Annotated[str, OR_NULL, About("The id of the failure mode, as in `podid explain`.")]
