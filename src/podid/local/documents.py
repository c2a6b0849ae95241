"""Read YAML and JSON documents with the position of every value.

Documents are data for several programs, so they are read strictly: no aliases, no tags, no duplicate keys. A plain
scalar has no type yet: YAML 1.1 reads `no`, `0123` and `2026-01-01` as a boolean, a number and a date, YAML 1.2 reads
text or another number. `DocumentNode.text`, `number` and `flag` refuse such values, because two programs could differ.

Values may contain `${NAME}`, which a variable replaces after parsing, so that its value is always data. `$${NAME}`
stands for `${NAME}`. Policy variables of IAM, such as `${aws:username}`, are no variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from podid.domain.declaration import Position
from podid.domain.errors import InvalidInput
from podid.domain.text import cut, did_you_mean

MOST_BYTES = 1024 * 1024
DEEPEST = 64
# a list of mistakes ends here
_MOST = 50

_NULL = re.compile(r"~|null|Null|NULL|")
_FLAG = re.compile(r"true|True|TRUE|false|False|FALSE")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_REAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
# read differently by YAML 1.1 and 1.2: https://yaml.org/type/ and https://yaml.org/spec/1.2.2/#103-core-schema
_WORDS = re.compile(r"y|Y|n|N|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|=|<<")
_DIGITS = re.compile(
    r"[-+]?(?:0o?[0-9_]+|0b[01_]+|0x[0-9A-Fa-f_]+|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|[0-9][0-9_]*"
    r"|\.?[0-9][0-9_]*[.eE][-+0-9_.eE]*|\.(?:inf|Inf|INF)|\.[0-9]+)|\.(?:nan|NaN|NAN)|\d{4}-\d\d?-\d\d?(?:[Tt ].*)?"
)
_VARIABLE = re.compile(r"\$?\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# the form of a variable's name, unlike a policy variable
_NAME_LIKE = re.compile(r"[\w.-]+", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """A mistake in a file: `key` is the path of the member, such as `roles[0].name`."""

    at: Position
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.at}: {self.key}: {self.message}" if self.key else f"{self.at}: {self.message}"


@dataclass(slots=True)
class Mistakes:
    """The mistakes of all files, collected so that a person can correct them together."""

    items: list[Mistake] = field(default_factory=list)

    def add(self, at: Position, message: str, key: str = "") -> None:
        self.items.append(Mistake(at, key, message))

    def check(self) -> None:
        """Raise InvalidInput with every mistake, in the order of the files."""
        if not self.items:
            return
        # a value that could not be read, such as a variable without a value, has no other mistake
        unread = {item.at for item in self.items if not item.key}
        items = [item for item in self.items if not item.key or item.at not in unread]
        lines = list(dict.fromkeys(map(str, sorted(items, key=lambda item: (item.at.line, item.at.column)))))
        files = dict.fromkeys(item.at.file for item in self.items)
        ordered = [line for file in files for line in lines if line.startswith(f"{file}:") or line == file]
        first, *others = ordered or lines
        if len(others) > _MOST:
            others = [*others[:_MOST], f"and {len(others) - _MOST} more"]
        raise InvalidInput(first, lines=tuple(others), subject=next(iter(files)))


class NotReadable(Exception):
    """A value that is not of the required type; the message says why."""


@dataclass(frozen=True, slots=True)
class DocumentNode:
    """One value of a document. `value` is text, a list of nodes, or members by key. `plain` is true for a scalar
    without quotes. `keys` are the positions of the keys of members."""

    value: str | tuple[DocumentNode, ...] | dict[str, DocumentNode]
    at: Position
    plain: bool = False
    keys: Mapping[str, Position] = field(default_factory=dict)

    @property
    def null(self) -> bool:
        return self.plain and isinstance(self.value, str) and _NULL.fullmatch(self.value) is not None

    @property
    def members(self) -> dict[str, DocumentNode]:
        """Raise NotReadable if it is not an object."""
        if not isinstance(self.value, dict):
            raise NotReadable(f"must be an object, not {self._form}")
        return self.value

    @property
    def items(self) -> tuple[DocumentNode, ...]:
        """Raise NotReadable if it is not a list."""
        if not isinstance(self.value, tuple):
            example = f": write [{cut(self.value, 40)}]" if isinstance(self.value, str) and not self.null else ""
            raise NotReadable(f"must be a list, not {self._form}{example}")
        return self.value

    @property
    def text(self) -> str:
        """Raise NotReadable for a value that YAML, or one of its versions, does not read as text."""
        if not isinstance(self.value, str):
            raise NotReadable(f"must be text, not {self._form}")
        if self.plain and self._plain_type:
            raise NotReadable(f'must be text: quote it, "{cut(self.value, 40)}" ({self._plain_type})')
        return self.value

    @property
    def flag(self) -> bool:
        """Raise NotReadable unless it is true or false."""
        if isinstance(self.value, str) and self.plain and _FLAG.fullmatch(self.value):
            return self.value.lower() == "true"
        raise NotReadable(f"must be true or false, not {self._form}")

    @property
    def number(self) -> int:
        """Raise NotReadable unless it is a whole number in decimal digits."""
        if isinstance(self.value, str) and self.plain and _NUMBER.fullmatch(self.value):
            return int(self.value)
        raise NotReadable(f"must be a whole number, not {self._form}")

    @property
    def _form(self) -> str:
        if isinstance(self.value, dict):
            return "an object"
        if isinstance(self.value, tuple):
            return "a list"
        return "empty" if self.null else repr(cut(self.value, 40))

    @property
    def _plain_type(self) -> str:
        """Return how YAML reads a plain scalar if not as text; empty if all versions read text."""
        text = str(self.value)
        if _NULL.fullmatch(text):
            return "YAML reads it as null"
        if _FLAG.fullmatch(text) or _WORDS.fullmatch(text):
            plain = text.lower() in ("true", "false")
            return f"YAML reads {text.lower()}" if plain else "YAML 1.1 and YAML 1.2 read it differently"
        if _NUMBER.fullmatch(text) or _REAL.fullmatch(text):
            return "YAML reads it as a number"
        return "YAML 1.1 and YAML 1.2 read it differently" if _DIGITS.fullmatch(text) else ""

    def data(self) -> Any:
        """Return the value as JSON data. Raise NotReadable as `text` does, at the first such value."""
        if isinstance(self.value, dict):
            return {key: node.data() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.data() for node in self.value]
        if not self.plain:
            return self.value
        if self.null:
            return None
        if _FLAG.fullmatch(self.value):
            return self.flag
        if _NUMBER.fullmatch(self.value):
            return self.number
        return float(self.value) if _REAL.fullmatch(self.value) else self.text

    def unreadable(self) -> Iterator[tuple[DocumentNode, str]]:
        """Yield each value that `data` cannot read, with the reason."""
        if isinstance(self.value, str):
            try:
                self.data()
            except NotReadable as error:
                yield self, str(error)
            return
        for node in self.value.values() if isinstance(self.value, dict) else self.value:
            yield from node.unreadable()

    def find(self, path: Iterable[str | int]) -> DocumentNode:
        """Return the value at the path, or the nearest one above it."""
        node = self
        for step in path:
            members = node.value if isinstance(node.value, dict) else {}
            items = node.value if isinstance(node.value, tuple) else ()
            if isinstance(step, str) and step in members:
                node = members[step]
            elif isinstance(step, int) and step < len(items):
                node = items[step]
            elif step != 0:  # a single statement without a list is Statement[0]
                break
        return node


def read_documents(
    text: str, name: str, mistakes: Mistakes, variables: Mapping[str, str] | None = None
) -> tuple[DocumentNode, ...]:
    """Return the documents of a file, without empty ones. Collect mistakes; after one of the syntax, the documents
    before it. `variables` replace `${NAME}`; with None nothing is replaced."""
    if len(text.encode(errors="surrogatepass")) > MOST_BYTES:
        mistakes.add(Position(name), f"the file is larger than {MOST_BYTES // 1024 // 1024} MiB")
        return ()
    import yaml

    if text.lstrip()[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            json.loads(text)
            # YAML allows no tabs outside of texts, and in texts no pair of escapes for one character
            tabs_and_texts = r'"(?:[^"\\]|\\.)*"|\t'
            text = re.sub(tabs_and_texts, lambda match: " " if match[0] == "\t" else _for_yaml(match[0]), text)
    # the parser in C is ten times as fast, but not in every build of PyYAML
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    reading = _Reading(name, mistakes, variables)
    try:
        for event in yaml.parse(text, Loader=loader):
            reading.take(event)
    except _Refused:
        pass
    except yaml.YAMLError as error:
        mistakes.add(*_syntax(error, name))
    return tuple(reading.documents)


def _syntax(error: Any, name: str) -> tuple[Position, str]:
    """Return the place of a mistake of YAML's syntax, and the message."""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it is not valid"
    special = any(word in (getattr(error, "context", None) or "") for word in ("alias", "anchor"))
    mark = getattr(error, "context_mark" if special else "problem_mark", None)
    at = Position(name, mark.line + 1, mark.column + 1) if mark is not None else Position(name)
    advice = "; quote a value that begins with * or &" if special else ""
    return at, f"this is neither JSON nor YAML: {problem}{advice}"


def _for_yaml(text: str) -> str:
    if "\\u" not in text:
        return text

    def joined(match: re.Match[str]) -> str:
        character = json.loads('"' + match[0] + '"') if match[1] else ""
        return f"\\U{ord(character):08x}" if character else match[0]

    return re.sub(r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}|.)", joined, text)


class _Refused(Exception):
    """The rest of a file cannot be read."""


@dataclass(slots=True)
class _Open:
    """An object or list whose end was not reached yet. `key` is the key whose value comes next. With `skips` that value
    is omitted, because its key is no text."""

    at: Position
    members: dict[str, DocumentNode] | None
    items: list[DocumentNode] = field(default_factory=list)
    keys: dict[str, Position] = field(default_factory=dict)
    key: str | None = None
    skips: bool = False


class _Reading:
    """Builds documents from the events of a parser, without recursion."""

    def __init__(self, name: str, mistakes: Mistakes, variables: Mapping[str, str] | None) -> None:
        self.documents: list[DocumentNode] = []
        self._name, self._mistakes, self._variables = name, mistakes, variables
        self._open: list[_Open] = []

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        if kind == "AliasEvent":
            self._refuse(event, "YAML aliases are not supported; quote a value that begins with *")
        elif kind == "ScalarEvent":
            self._check_tag(event)
            plain = bool(event.implicit[0]) and event.style in (None, "")
            text = self._scalar(event)
            # a variable is text, whatever its value looks like
            self._add(DocumentNode(text, self._at(event), plain and text == event.value))
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._check_tag(event)
            if len(self._open) >= DEEPEST:
                self._refuse(event, f"the document is nested more than {DEEPEST} deep")
            self._open.append(_Open(self._at(event), {} if kind == "MappingStartEvent" else None))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            done = self._open.pop()
            value = tuple(done.items) if done.members is None else done.members
            self._add(DocumentNode(value, done.at, keys=done.keys))

    def _add(self, node: DocumentNode) -> None:
        if not self._open:
            if not node.null:
                self.documents.append(node)
            return
        inside = self._open[-1]
        if inside.members is None:
            inside.items.append(node)
        elif inside.key is not None:
            inside.members.setdefault(inside.key, node)
            inside.key = None
        elif inside.skips:
            inside.skips = False
        else:
            inside.key = self._key(inside, node)
            inside.skips = inside.key is None

    def _key(self, inside: _Open, node: DocumentNode) -> str | None:
        try:
            key = node.text
        except NotReadable as error:
            self._mistakes.add(node.at, f"a key {error}")
            return None
        if key in inside.keys:
            first = inside.keys[key]
            self._mistakes.add(node.at, f"this key appears twice, first in line {first.line}", key)
        inside.keys.setdefault(key, node.at)
        return key

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag != "!":
            self._refuse(event, f"the YAML tag {cut(event.tag, 60)} is not supported")

    def _scalar(self, event: Any) -> str:
        text: str = event.value
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                self._mistakes.add(self._at(event), "the text contains a lone surrogate, half of a character")
        if "${" not in text or self._variables is None:
            return text
        return _VARIABLE.sub(lambda match: self._replaced(match, event), text)

    def _replaced(self, match: re.Match[str], event: Any) -> str:
        whole, name = match[0], match[1]
        if whole.startswith("$$"):
            return whole[1:]
        assert self._variables is not None
        if name in self._variables:
            return self._variables[name]
        if _NAME.fullmatch(name):
            near = did_you_mean(name, self._variables, 1)
            advice = near or f"; pass --var {name}=VALUE, or write $${whole[1:]} for the text {whole}"
            self._mistakes.add(self._at(event), f"variable {name} has no value{advice}")
        elif _NAME_LIKE.fullmatch(name) or not name:
            message = f"{whole} is not a variable: letters, digits and _; write $${whole[1:]} for the text"
            self._mistakes.add(self._at(event), message)
        return whole

    def _at(self, event: Any) -> Position:
        return Position(self._name, event.start_mark.line + 1, event.start_mark.column + 1)

    def _refuse(self, event: Any, why: str) -> None:
        self._mistakes.add(self._at(event), why)
        raise _Refused
