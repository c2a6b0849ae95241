"""Encode results as JSON, with one encoder for each type, derived from its annotations (`podid.domain.members`).

Members are in camelCase, times in RFC 3339 in UTC; None and missing sections are null.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from functools import cache, partial
from inspect import get_annotations
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, overload

from podid.domain.members import AS_TEXT, FLAT, HIDDEN, OPTIONAL, OR_NULL, ORDERS, As, Document, From, Key
from podid.domain.section import Known, Missing
from podid.domain.text import camel

S = TypeVar("S")
T = TypeVar("T", covariant=True)
Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = dict[str, Json]
Encoder = Callable[[Any], Json]
Getter = Callable[[Any], Any]


class Items(Sequence[T]):
    """A list of a document, whose items are encoded on each access: all items at once need ten times the memory of
    their text."""

    def __init__(self, source: Sequence[S], make: Callable[[S], T]) -> None:
        self._source: Sequence[Any] = source
        self._make: Callable[[Any], T] = make

    def __len__(self) -> int:
        return len(self._source)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        if isinstance(place, slice):
            return [self._make(item) for item in self._source[place]]
        return self._make(self._source[place])


def encode(shape: Any, result: object = None, **values: object) -> JsonObject:
    """Return the JSON object of a result. `values` override members by the names of their annotations, and are never
    omitted. Lists of objects are Items."""
    encoded: JsonObject = {}
    for name, key, get, optional, encode_member, encode_item in _encoders(shape):
        overridden = name in values
        value = values[name] if overridden else None if result is None else get(result)
        if value is None:
            if overridden or not optional:
                encoded[key] = None
        elif encode_item is not None and isinstance(value, Sequence):
            encoded[key] = cast("Json", Items(value, encode_item))
        else:
            encoded[key] = encode_member(value)
    return encoded


@dataclass(frozen=True, slots=True)
class Member:
    """One member: `name` is the annotation's, `key` the one in JSON. `type_` is the type for the schema. `get` reads
    the value from the result. `flat` is true for a member of a FLAT value."""

    name: str
    key: str
    type_: Any
    get: Getter
    optional: bool = False
    flat: bool = False


def is_shape(type_: Any) -> bool:
    """Return whether values of the type are objects with members: a Document or a result's dataclass."""
    return isinstance(type_, type) and (is_dataclass(type_) or issubclass(type_, Document))


@cache
def members_of(shape: Any) -> tuple[Member, ...]:
    """Return the members in their order, including those of FLAT values. A path ends at a Missing; use a function to
    read members of a Missing itself."""
    members: list[Member] = []
    # not typing.get_type_hints: it evaluates lambdas of annotations outside of their module
    hints = {
        name: hint for base in reversed(shape.__mro__) for name, hint in get_annotations(base, eval_str=True).items()
    }
    defaults = _defaults(shape) if is_dataclass(shape) else {}
    for name in ORDERS.get(shape, hints):
        hint = hints[name] if name in hints else get_annotations(getattr(shape, name).fget, eval_str=True)["return"]
        extras = hint.__metadata__ if get_origin(hint) is Annotated else ()
        if HIDDEN in extras:
            continue
        key = next((extra.name for extra in extras if isinstance(extra, Key)), camel(name))
        get = getter(next((extra.source for extra in extras if isinstance(extra, From)), name))
        if FLAT in extras:
            members += [replace(m, get=_then(m.get, get), flat=True) for m in members_of(hint.__origin__)]
            continue
        if OPTIONAL in extras and name in defaults:
            get = _then(partial(_unless, defaults[name]), get)
        for json in (extra for extra in extras if isinstance(extra, As)):
            hint, get = Annotated[json.type_, *extras], _then(json.convert, get)
        if AS_TEXT in extras:
            get = _then(str, get)
        elif OR_NULL in extras:
            get = _then(lambda value: value or None, get)
        members.append(Member(name, key, _type_of(hint, extras), get, OPTIONAL in extras))
    return tuple(members)


def _defaults(shape: Any) -> dict[str, Any]:
    """Return the defaults of a dataclass's fields."""
    pairs = {f.name: f.default if f.default_factory is MISSING else f.default_factory() for f in fields(shape)}
    return {name: default for name, default in pairs.items() if default is not MISSING}


def _unless(default: object, value: Any) -> Any:
    return None if value == default else value


def _type_of(hint: Any, extras: Sequence[Any]) -> Any:
    """Return the type for the schema. Annotations before OR_NULL describe the value only. An omitted member is never
    null."""
    if AS_TEXT in extras:
        return Annotated[str | None if NoneType in get_args(hint.__origin__) else str, *extras]
    if OR_NULL not in extras or OPTIONAL in extras:
        return hint
    at = extras.index(OR_NULL)
    value = Annotated[hint.__origin__, *extras[:at]] if at else hint.__origin__
    return Annotated[value | None, *extras[at:]]


def getter(source: str | Getter) -> Getter:
    """Return a function that reads a value from a result by a dotted path; an empty path is the result itself."""
    if not isinstance(source, str):
        return source
    names = source.split(".") if source else []
    if len(names) == 1:
        return attrgetter(source)

    def get(value: Any) -> Any:
        for name in names:
            value = value.value if isinstance(value, Known) else value
            if value is None or isinstance(value, Missing):
                return None
            value = getattr(value, name)
        return value

    return get


def _then(change: Getter, get: Getter) -> Getter:
    return lambda value: None if (member := get(value)) is None else change(member)


def _item_type(type_: Any) -> Any:
    """Return the item type of a list of objects, also of one that may be null; None for other types."""
    origin, args = get_origin(type_), get_args(type_)
    if origin is Annotated:
        return _item_type(args[0])
    if origin in (Union, UnionType):
        return next(filter(None, map(_item_type, args)), None)
    return args[0] if origin in (Sequence, tuple) and is_shape(args[0]) else None


@cache
def encoder(type_: Any) -> Encoder:
    origin, args = get_origin(type_), get_args(type_)
    if origin is Annotated:
        return encoder(args[0])
    if origin in (Union, UnionType):
        return _union(args)
    if origin in (Sequence, tuple):
        item = encoder(args[0])
        return plain if item is plain else lambda value: [item(member) for member in value]
    if type_ is datetime:
        return timestamp
    return _object(type_) if is_shape(type_) else plain


def _union(types: Sequence[Any]) -> Encoder:
    """Return the encoder of a type or null. Values of several types are objects, JSON already, or words."""
    known = [get_args(type_)[0] if get_origin(type_) is Known else type_ for type_ in types]
    inner = [type_ for type_ in known if type_ not in (NoneType, Missing)]
    encode_known = encoder(inner[0]) if len(inner) == 1 else _by_class
    if encode_known in (plain, timestamp, _by_class) and Missing not in types:
        return encode_known

    def encode_section(value: Any) -> Json:
        value = value.value if isinstance(value, Known) else value
        return None if value is None or isinstance(value, Missing) else encode_known(value)

    return encode_section


def _by_class(value: Any) -> Json:
    return _object(type(value))(value) if is_shape(type(value)) else plain(value)


@cache
def _encoders(shape: Any) -> tuple[tuple[str, str, Getter, bool, Encoder, Encoder | None], ...]:
    """Return each member with its encoder, and the encoder of its items if it lists objects."""
    typed = ((member, _item_type(member.type_)) for member in members_of(shape))
    return tuple(
        (
            field.name,
            field.key,
            field.get,
            field.optional,
            encoder(field.type_),
            None if item is None else encoder(item),
        )
        for field, item in typed
    )


def _object(shape: Any) -> Encoder:
    def encode_object(value: Any) -> Json:
        if isinstance(value, dict):  # JSON already
            return value
        encoded: JsonObject = {}
        for _, key, get, optional, encode_member, _ in _encoders(shape):
            member = get(value)
            if member is not None or not optional:
                encoded[key] = None if member is None else encode_member(member)
        return encoded

    return encode_object


def plain(value: object) -> Json:
    """Return the value in JSON's own types: without enums, tuples, times and other mappings."""
    if value is None or type(value) in (str, bool, int, float):
        return cast("Json", value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise TypeError(f"JSON has no form for a {type(value).__name__}")


@overload
def timestamp(moment: datetime) -> str: ...
@overload
def timestamp(moment: datetime | None) -> str | None: ...
def timestamp(moment: datetime | None) -> str | None:
    """Return RFC 3339 text in UTC; whole seconds without a fraction."""
    if moment is None:
        return None
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")
