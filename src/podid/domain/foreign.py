"""Read JSON of other programs, member by member. Malformed is the error for an unexpected form: it names the member and
never its value. Callers convert it to UnreadableAnswer.

A null member counts as missing, as in Go and botocore. Functions without a suffix require the member. Those with `_or`
return a default if it is missing. All raise Malformed for a value of another type.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from functools import partial
from sys import intern
from typing import Any, TypeVar, cast, get_type_hints

from podid.domain.text import camel

T = TypeVar("T")
Object = Mapping[str, Any]
# reads a value from an object, or raises Malformed
Reading = Callable[[Object], T]

# beyond any value that podid reads: all annotations of a Kubernetes object may have 256 KiB together
LONGEST_TEXT = 512 * 1024
DEEPEST = 40
# beyond the number of objects in any cluster or account
MOST_PAGES = 1_000

_WORDS = {str: "text", int: "a number", bool: "true or false", dict: "an object", list: "a list", type(None): "missing"}


class Malformed(Exception):
    """A member is missing or of the wrong type; the message does not contain its value."""


def typed(value: object, name: str, kind: type[T]) -> T:
    """Return the value. Raise Malformed if it has another type; a boolean is not a number."""
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise _unexpected(name, value, kind)
    return value


def text(data: Object, name: str) -> str:
    """Return text that is not empty."""
    value = text_or(data, name)
    if not value:
        raise Malformed(f"{name} is missing")
    return value


def text_or(data: Object, name: str, default: str = "") -> str:
    if (value := data.get(name)) is None:
        return default
    if type(value) is not str:  # not `typed`: a large cluster has millions of texts
        raise _unexpected(name, value, str)
    if len(value) > LONGEST_TEXT:
        raise Malformed(f"{name} is longer than {LONGEST_TEXT // 1024} KiB")
    return value


def interned(data: Object, name: str, default: str = "") -> str:
    """Return as `text_or`, interned: for values that many objects share."""
    return intern(text_or(data, name, default))


def number_or(data: Object, name: str, default: int = 0) -> int:
    return default if (value := data.get(name)) is None else typed(value, name, int)


def flag_or(data: Object, name: str, default: bool = False) -> bool:
    return default if (value := data.get(name)) is None else typed(value, name, bool)


def go_true(value: str) -> bool:
    """Return whether Go's strconv.ParseBool reads the text as true."""
    return value in ("1", "t", "T", "true", "TRUE", "True")


def instant_or_none(data: Object, name: str) -> datetime | None:
    """Return a time in UTC, from a datetime of botocore or from RFC 3339 text."""
    value = data.get(name)
    if value is None:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(text(data, name))
        if moment.tzinfo is None:
            raise Malformed(f"{name} has no time zone")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed(f"{name} is not a time") from None


def instant(data: Object, name: str) -> datetime:
    moment = instant_or_none(data, name)
    if moment is None:
        raise _unexpected(name, None, str)
    return moment


def inner(data: Object, name: str) -> Object:
    """Return the member, an object."""
    return typed(data.get(name), name, dict)


def inner_or_empty(data: Object, *names: str) -> Object:
    """Return the object at the end of a path of members; empty if one of them is missing."""
    for name in names:
        data = {} if data.get(name) is None else inner(data, name)
    return data


def inners(data: Object, name: str) -> Sequence[Object]:
    """Return the objects of a required list, which may be empty."""
    return [typed(item, f"one of {name}", dict) for item in typed(data.get(name), name, list)]


def inners_or_none(data: Object, name: str) -> Sequence[Object]:
    """Return as `inners`; none if the list is missing, because APIs omit empty lists."""
    return () if data.get(name) is None else inners(data, name)


def listed(data: Object, name: str) -> Sequence[Object]:
    """Return as `inners`; null is an empty list, as in Go's JSON."""
    return () if name in data and data[name] is None else inners(data, name)


def texts(data: Object, name: str) -> tuple[str, ...]:
    """Return the texts of a required list, which may be empty."""
    return _items(data, name, text)


def texts_or_none(data: Object, name: str) -> tuple[str, ...]:
    return () if data.get(name) is None else texts(data, name)


def words_or_none(data: Object, name: str) -> tuple[str, ...]:
    """Return as `texts_or_none`, including empty texts: arguments, values of labels, the core API group."""
    return () if data.get(name) is None else _items(data, name, _word)


def _word(data: Object, name: str) -> str:
    if data[name] is None:
        raise _unexpected(name, None, str)
    return text_or(data, name)


def _items(data: Object, name: str, read: Callable[[Object, str], T]) -> tuple[T, ...]:
    return tuple(read({f"one of {name}": item}, f"one of {name}") for item in typed(data.get(name), name, list))


def pairs(data: Object, name: str) -> dict[str, str]:
    """Return tags, labels or annotations; empty if they are missing."""
    members = inner_or_empty(data, name)
    return {key: text_or(members, key) for key in members}


def as_object(value: object) -> Object:
    """Return the answer, which must be an object."""
    return typed(value, "the answer", dict)


def check_depth(value: object, name: str) -> None:
    """Raise Malformed for a value that is nested so deep that recursion would exhaust the stack."""
    layer, depth = [value], 0
    while layer:
        if depth > DEEPEST:
            raise Malformed(f"{name} is nested deeper than {DEEPEST} levels")
        below: list[object] = []
        for item in layer:
            below += item.values() if isinstance(item, Mapping) else item if isinstance(item, list) else ()
        layer, depth = below, depth + 1


def record(kind: type[T], /, **members: str | Reading[Any]) -> Reading[T]:
    """Return a reader of objects as a dataclass. It reads each field by its type: text, numbers, booleans, times, lists
    of texts, pairs. The member has the field's name in camelCase, or is given in `members`: another name, a path
    (`spec.role`), or a function of the object.

    Fields without a default are required, and so are the objects on their path, unless the path ends in `?`. Numbers,
    booleans and lists are never required, because APIs omit zero, false and empty.
    """
    hints = get_type_hints(kind)
    readers: dict[str, Reading[Any]] = {}
    for field in fields(cast("Any", kind)):
        source = members.pop(field.name, None) or camel(field.name)
        readers[field.name] = source if callable(source) else _member(source, hints[field.name], field.default)
    if members:
        raise TypeError(f"{kind.__name__} has no {', '.join(members)}")
    return lambda data: kind(**{name: read(data) for name, read in readers.items()})


def many(path: str, read: Reading[T]) -> Reading[tuple[T, ...]]:
    """Return a reader of the objects of a list; none if the list or an object on its path is missing."""
    *steps, name = path.split(".")
    return lambda data: tuple(map(read, inners_or_none(inner_or_empty(data, *steps), name)))


def _member(path: str, kind: Any, default: Any) -> Reading[Any]:
    *steps, name = path.removesuffix("?").split(".")
    required = kind in (str, datetime) and default is MISSING and not path.endswith("?")
    value: Any = _reader(kind, required, None if default is MISSING else default)
    if not steps:
        return partial(value, name=name)
    step = inner if required else inner_or_empty

    def read(data: Object) -> Any:
        for member in steps:
            data = step(data, member)
        return value(data, name)

    return read


def _reader(kind: Any, required: bool, default: Any) -> Callable[[Object, str], Any]:
    if kind is str:
        return text if required else partial(text_or, default=default or "")
    if kind is int:
        return partial(number_or, default=default or 0)
    if kind is bool:
        return partial(flag_or, default=bool(default))
    if kind is datetime and required:
        return instant
    readers: dict[Any, Callable[[Object, str], Any]] = {
        str | None: lambda data, name: text_or(data, name) or None,
        bool | None: lambda data, name: None if data.get(name) is None else flag_or(data, name),
        datetime | None: instant_or_none,
        tuple[str, ...]: texts_or_none,
        Mapping[str, str]: pairs,
    }
    return readers[kind]


def at(name: str, read: Reading[T]) -> Reading[T]:
    """Return a reader of an answer whose member `name` is the requested object."""
    return lambda answer: read(inner(answer, name))


def about(read: Reading[T], **known: str) -> Reading[T]:
    """Return a reader that requires the members `known` to have these values. A cache or proxy may return the answer to
    another request."""

    def checked(data: Object) -> T:
        for member, value in known.items():
            if text_or(data, member, value).casefold() != value.casefold():
                raise Malformed(f"its {member} is not the requested one")
        return read(data)

    return checked


def numbers(data: Object) -> dict[str, int]:
    return {name: value for name, value in data.items() if type(value) is int}


def list_at(name: str, read: Reading[T]) -> Reading[list[T]]:
    """Return a reader of an answer whose member `name` lists the requested objects."""
    return lambda answer: [read(item) for item in inners(answer, name)]


def names(name: str) -> Reading[Sequence[str]]:
    """Return a reader of an answer whose member `name` lists texts."""
    return lambda answer: texts(answer, name)


def pages(read: Callable[[str], tuple[T, str]]) -> Iterator[T]:
    """Yield every page of a list. `read` returns the page of a token, "" for the first, and the token of the next page,
    "" after the last. Raise Malformed if the pages do not end."""
    token, tokens = "", {""}
    while True:
        page, token = read(token)
        yield page
        if not token:
            return
        if token in tokens:
            raise Malformed("it returns the same page repeatedly")
        if len(tokens) > MOST_PAGES:
            raise Malformed(f"it has more than {MOST_PAGES} pages")
        tokens.add(token)


def _unexpected(name: str, value: object, expected: type) -> Malformed:
    if value is None:
        return Malformed(f"{name} is missing")
    return Malformed(f"{name} is {_WORDS.get(type(value), type(value).__name__)}, not {_WORDS[expected]}")
