"""Convert frozen dataclasses to JSON and back by the types of their fields: the snapshot and its parts.

Members with their default value are omitted. A section is `{"known": value}` or `{"missing": {…}}`; a mapping
whose keys are not text is a list of pairs.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from podid.domain.foreign import Malformed, check_depth, typed
from podid.domain.snapshot import Known, Missing

T = TypeVar("T")

Decoder = Callable[[object, str], Any]


def to_plain(value: object) -> Any:
    """Return the value in JSON's types. Raise TypeError for a value of another type."""
    if value is None or type(value) in (str, bool, int, float):
        return value
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Known):
        return {"known": to_plain(value.value)}
    if isinstance(value, Missing):
        return {"missing": _members(value)}
    if is_dataclass(value) and not isinstance(value, type):
        return _members(value)
    if isinstance(value, Mapping):
        if all(type(key) is str for key in value):  # also an empty mapping, whatever the type of its keys
            return {key: to_plain(member) for key, member in value.items()}
        return [[to_plain(key), to_plain(member)] for key, member in sorted(value.items())]
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    raise TypeError(f"JSON has no form for a {type(value).__name__}")


def from_plain(kind: type[T], value: object, name: str) -> T:
    """Return the value as this type. Raise Malformed with the place, which begins with `name`, for unknown or missing
    members and for values of another type."""
    return cast("T", _decoder(cast("Any", kind))(value, name))


def _members(value: Any) -> dict[str, Any]:
    kept = ((f.name, getattr(value, f.name), _default(f)) for f in fields(value))
    return {name: to_plain(member) for name, member, default in kept if member != default}


def _default(f: "Field[Any]") -> Any:
    """Return the default; MISSING for a required member."""
    return f.default_factory() if f.default_factory is not MISSING else f.default


@cache
def _decoder(kind: Any) -> Decoder:
    origin, args = get_origin(kind), get_args(kind)
    if kind in (str, bool, int):
        return partial(typed, kind=kind)
    if kind is datetime:
        return _moment
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _word(kind)
    if kind is object:
        return _as_it_is
    if origin in (Union, UnionType):
        return _union(args)
    if origin is tuple and args[1:] == (Ellipsis,):
        decode = _decoder(args[0])
        return lambda value, name: tuple(
            decode(item, f"{name}[{i}]") for i, item in enumerate(typed(value, name, list))
        )
    if origin is tuple:
        return _row(tuple(map(_decoder, args)))
    if origin is frozenset:
        decode_member = _decoder(args[0])
        return lambda value, name: frozenset(decode_member(item, name) for item in typed(value, name, list))
    if origin is Mapping:
        return _mapping(_decoder(args[0]) if args[0] is not str else None, _decoder(args[1]))
    if is_dataclass(kind):
        return _dataclass(kind)
    raise TypeError(f"no decoder for {kind}")


def _word(kind: type[StrEnum]) -> Decoder:
    words = {member.value: member for member in kind}

    def read(value: object, name: str) -> object:
        if not isinstance(value, str) or value not in words:
            raise Malformed(f"{name} is not one of {', '.join(words)}")
        return words[value]

    return read


def _moment(value: object, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise Malformed(f"{name} is not a time") from None
    if moment.tzinfo is None:
        raise Malformed(f"{name} has no time zone")
    return moment


def _as_it_is(value: object, name: str) -> object:
    check_depth(value, name)
    return value


def _union(kinds: tuple[Any, ...]) -> Decoder:
    sections = {get_origin(kind) or kind: kind for kind in kinds}
    if set(sections) == {Known, Missing}:
        of_known, of_missing = _decoder(get_args(sections[Known])[0]), _decoder(Missing)

        def section(value: object, name: str) -> object:
            (key, member), *more = typed(value, name, dict).items() or [("", None)]
            if more or key not in ("known", "missing"):
                raise Malformed(f"{name} is neither known nor missing")
            return Known(of_known(member, name)) if key == "known" else of_missing(member, name)

        return section
    if NoneType not in kinds:
        return _either(kinds)
    (kind,) = (kind for kind in kinds if kind is not NoneType)
    decode = _decoder(kind)
    return lambda value, name: None if value is None else decode(value, name)


def _either(kinds: tuple[Any, ...]) -> Decoder:
    """Decode as the first dataclass whose required members are present, otherwise as the last one, for its error."""
    decoders = [(frozenset(f.name for f in fields(kind) if _default(f) is MISSING), _decoder(kind)) for kind in kinds]

    def read(value: object, name: str) -> object:
        members = typed(value, name, dict).keys()
        return next((decode for names, decode in decoders if names <= members), decoders[-1][1])(value, name)

    return read


def _row(items: tuple[Decoder, ...]) -> Decoder:
    def read(value: object, name: str) -> object:
        row = typed(value, name, list)
        if len(row) != len(items):
            raise Malformed(f"{name} does not have {len(items)} items")
        return tuple(decode(item, name) for decode, item in zip(items, row, strict=True))

    return read


def _mapping(key: Decoder | None, member: Decoder) -> Decoder:
    if key is None:
        return lambda value, name: {k: member(v, f"{name}.{k}") for k, v in typed(value, name, dict).items()}
    pair = _row((key, member))
    return lambda value, name: dict(pair(item, name) for item in typed(value, name, list)) if value != {} else {}


def _dataclass(kind: Any) -> Decoder:
    hints = get_type_hints(kind)
    members = {f.name: _decoder(hints[f.name]) for f in fields(kind)}
    required = [f.name for f in fields(kind) if _default(f) is MISSING]

    def read(value: object, name: str) -> object:
        obj = typed(value, name, dict)
        for key in obj:
            if key not in members:
                raise Malformed(f"{name}.{key} is not a known member")
        for key in required:
            if key not in obj:
                raise Malformed(f"{name}.{key} is missing")
        return kind(**{key: members[key](member, f"{name}.{key}") for key, member in obj.items()})

    return read
