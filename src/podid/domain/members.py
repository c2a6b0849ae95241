"""What the members of podid's JSON documents are, where a type of Python's alone says too little.

`podid.domain.encoding` makes JSON by it, and tools/json_schemas.py the schemas.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated, Any, TypeVar

C = TypeVar("C", bound=type)


class About:
    """What a member is, beside its type: a description and further keywords of JSON Schema."""

    def __init__(self, description: str, **keywords: object) -> None:
        self.keywords = {"description": description, **keywords}

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        """Called by pydantic, which tools/gen_docs.py uses and podid does not."""
        return {**handler(core_schema), **self.keywords}


@dataclass(frozen=True, slots=True)
class Key:
    """The member's name in JSON, where that is not the field's in camelCase."""

    name: str


@dataclass(frozen=True, slots=True)
class From:
    """Where a Document's member has its value: attributes of the result, with dots between them, or a function of it.
    The result itself is `From("")`. On the way None, and a section that is missing, end at null."""

    source: str | Callable[[Any], object]


class Manner(Enum):
    """HIDDEN: no document has the field. FLAT: the value's members stand in its place. AS_TEXT: its text stands for it.
    OR_NULL: an empty value is null. OPTIONAL: the member is left out where it would be null."""

    HIDDEN = auto()
    FLAT = auto()
    AS_TEXT = auto()
    OR_NULL = auto()
    OPTIONAL = auto()


HIDDEN, FLAT, AS_TEXT, OR_NULL, OPTIONAL = Manner

# kind of document -> the class that says what it holds
KINDS: dict[str, type] = {}
# dataclass -> its members, where these are not all of its fields in their order
ORDERS: dict[type, tuple[str, ...]] = {}
# class -> the description, and the name, that its schema has
DESCRIPTIONS: dict[type, str] = {}
SCHEMA_NAMES: dict[type, str] = {}


class Document:
    """A document, or a part of one, that differs from the result which it shows. Its members are the annotations of
    the class, the bases' first; it has no instances. Its docstring is the schema's description."""

    def __init_subclass__(cls, kind: str = "") -> None:
        SCHEMA_NAMES[cls] = cls.__name__
        DESCRIPTIONS[cls] = cls.__doc__ or ""
        if kind:
            KINDS[kind] = cls


def document_of(kind: str, shape: type[Document], description: str) -> type[Document]:
    """Return the class of a kind whose documents are one of these."""
    return type(f"{kind}Document", (shape,), {"__doc__": description}, kind=kind)


def list_of(kind: str, shape: type, description: str) -> type[Document]:
    """Return the class of a kind whose documents list these under `items`."""
    members = {"__doc__": description, "__annotations__": {"items": Sequence[shape]}}  # type: ignore[valid-type]
    return type(f"{kind}Document", (Document,), members, kind=kind)


def kind(name: str, description: str) -> Callable[[C], C]:
    """Make a result's dataclass a kind of document by itself."""

    def register(cls: C) -> C:
        KINDS[name] = cls
        DESCRIPTIONS[cls] = description
        return cls

    return register


def members(names: str) -> Callable[[C], C]:
    """Say which fields and properties of a dataclass its document has, and in which order."""

    def register(cls: C) -> C:
        ORDERS[cls] = tuple(names.split())
        return cls

    return register


def schema_name(name: str, description: str = "") -> Callable[[C], C]:
    """Name the schema of a dataclass, where that is not its own name and `Body`, and describe it."""

    def register(cls: C) -> C:
        SCHEMA_NAMES[cls] = name
        DESCRIPTIONS.setdefault(cls, description)
        return cls

    return register


Time = Annotated[str, About("RFC 3339, UTC.", format="date-time")]
ArnText = Annotated[str, About("An ARN, in full.")]
TextOrNull = Annotated[str, OR_NULL]
Names = Sequence[str]
Argv = Annotated[Sequence[str], About("An argument vector, to be run as it is.")]
ServiceAccounts = Annotated[Sequence[str], About("Each as NAMESPACE/NAME.")]
Pairs = Mapping[str, str]
POLICY = About("A policy in IAM's policy language, as it is.")
PolicyObject = Annotated[Mapping[str, object], POLICY]
Link = Annotated[int, About("The link of the way to credentials, 1 to 10; 0 is podid's own access.")]
BrokenLink = Annotated[int, OR_NULL, About("The link of the way to credentials that is broken, 1 to 10.")]
MissingPermission = Annotated[str, OR_NULL, About("The right that is missing to look at it.")]
ModeId = Annotated[str, OR_NULL, About("The failure mode, as `podid explain` names it.")]
