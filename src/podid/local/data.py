"""Read JSON, JSON lines and YAML files strictly: duplicate keys and aliases are errors, and each object has its
line."""

import json
import json.decoder
import json.scanner
import math
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

from podid.domain.errors import InvalidInput
from podid.domain.foreign import Malformed, check_depth

_MOST_DIGITS = 19  # of a number of 64 bits


class Located(dict[str, Any]):
    """An object, with the line of its beginning."""

    line = 1


def read(text: str, name: str) -> Any:
    """Return the value of a file's text, JSON or YAML. Raise InvalidInput with file, line and key."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _whole(_Decoder(name).value(text), name)
        except ValueError:
            pass  # it may still be YAML
    return _whole(_yaml(text, name), name)


def read_lines(text: str, name: str) -> list[Any]:
    """Return the values of JSON lines; skip empty lines. Raise InvalidInput as `read`."""
    values, decoder = [], _Decoder(name)
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                values.append(_whole(decoder.value(line, number), name))
            except ValueError as error:
                reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                raise InvalidInput(f"{name}, line {number}: this is not JSON: {reason}", subject=name) from error
    return values


def _whole(value: Any, name: str) -> Any:
    try:
        check_depth(value, name)
    except Malformed as error:
        raise InvalidInput(str(error), subject=name) from error
    if why := _refusal(value):
        raise InvalidInput(f"{name}: one of its values {why}", subject=name)
    return value


class _NoValue:
    """Stands for an invalid value until its key is known."""

    def __init__(self, why: str) -> None:
        self.why = why


def _located(name: str, line: int, members: Iterator[tuple[int, str, Any]]) -> Located:
    """Return an object; `members` are line, key and value of each."""
    obj = Located()
    obj.line = line
    for its_line, key, value in members:
        if why := "appears twice" if key in obj else _refusal(key) or _refusal(value):
            raise InvalidInput(f"{name}, line {its_line}: {key} {why}", subject=name)
        obj[key] = value
    return obj


def _refusal(value: object) -> str:
    if isinstance(value, list):
        return next(filter(None, map(_refusal, value)), "")
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "contains half of a character"
    return value.why if isinstance(value, _NoValue) else ""


class _Decoder(json.JSONDecoder):
    """Python's decoder without the scanner in C, which reports no places."""

    def __init__(self, name: str) -> None:
        super().__init__(parse_int=_whole_number, parse_float=_real, parse_constant=_no_value)
        self._name = name
        self._first, self._ends = 1, list[int]()
        self.parse_object = self._object
        self.scan_once = json.scanner.py_make_scanner(self)  # type: ignore[attr-defined]

    def value(self, text: str, first: int = 1) -> Any:
        """Return the value. Raise ValueError for text that is not JSON. `first` is the number of its first line."""
        self._first, self._ends = first, [place for place, letter in enumerate(text) if letter == "\n"]
        try:
            return self.decode(text)
        except RecursionError as error:
            raise InvalidInput(f"{self._name} is nested too deeply", subject=self._name) from error

    def _object(self, at: tuple[str, int], strict: Any, scan: Any, _: Any, __: Any, memo: Any) -> tuple[Any, int]:
        line = self._first + bisect_left(self._ends, at[1])
        members: list[tuple[str, Any]]
        members, end = json.decoder.JSONObject(at, strict, scan, None, list, memo)  # type: ignore[attr-defined]
        return _located(self._name, line, ((line, *member) for member in members)), end


def _whole_number(text: str) -> object:
    return int(text) if len(text) <= _MOST_DIGITS else _NoValue(f"is a number of {len(text):,} digits")


def _real(text: str) -> object:
    number = float(text)
    return number if math.isfinite(number) else _NoValue("is a number that is too large")


def _no_value(name: str) -> object:
    return _NoValue(f"is {name}, which is not a value")


def _yaml(text: str, name: str) -> Any:
    import yaml

    try:
        # the parser in C is ten times as fast, but not in every build of PyYAML
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
        node = loader.get_single_node()
        return None if node is None else _Nodes(loader, name).value(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise InvalidInput(f"{name}{where}: this is neither JSON nor YAML", subject=name) from error
    except RecursionError as error:
        raise InvalidInput(f"{name} is nested too deeply", subject=name) from error


class _Nodes:
    """Reads values of YAML nodes. A repeated node is an alias: a few lines of aliases can expand to gigabytes."""

    def __init__(self, loader: Any, name: str) -> None:
        self._loader = loader
        self._name = name
        self._met: set[int] = set()

    def value(self, node: Any) -> Any:
        if id(node) in self._met:
            raise self._wrong(node, "YAML aliases are not supported")
        self._met.add(id(node))
        if node.tag == "tag:yaml.org,2002:map":
            return _located(self._name, _line(node), self._members(node))
        if node.tag == "tag:yaml.org,2002:seq":
            return [self.value(item) for item in node.value]
        if not isinstance(node.value, str):
            raise self._wrong(node, f"the YAML tag {_short(node.tag)} is not supported")
        return self._scalar(node)

    def _members(self, node: Any) -> Iterator[tuple[int, str, Any]]:
        for key, value in node.value:
            name = self.value(key)
            if not isinstance(name, str):
                raise self._wrong(key, f"{_short(key.value)} cannot be a key: a key must be text (quote it)")
            yield _line(key), name, self.value(value)

    def _scalar(self, node: Any) -> Any:
        if node.tag.endswith(":int") and len(node.value) > _MOST_DIGITS + 1:
            return _NoValue(f"is a number of {len(node.value):,} digits")
        try:
            value = self._loader.construct_object(node)
        except (ValueError, LookupError, OverflowError, AttributeError):
            return _NoValue("is a value that cannot be read")
        return value if not isinstance(value, float) or math.isfinite(value) else _NoValue("is not a number")

    def _wrong(self, node: Any, why: str) -> InvalidInput:
        return InvalidInput(f"{self._name}, line {_line(node)}: {why}", subject=self._name)


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _short(text: object) -> str:
    return text[:40] if isinstance(text, str) else "a list or an object"
