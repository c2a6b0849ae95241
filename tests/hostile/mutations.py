"""Answers with one wrong place: missing, null, of another type, huge, deeply nested, with control characters and line
breaks, or an answer that is not of the API's form."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from podid.sandbox.http import HttpAnswer

Path = tuple[str | int, ...]

FORGED = "\n::error ::forged\r\n::error ::forged\u2028::error ::forged\x85::error ::forged"
_DEEP = "podid-deep"
HUGE = "x" * 700_000

# values in place of a member
VALUES: Mapping[str, Any] = {
    "null": None,
    "a number": 5,
    "a negative number": -1,
    "a fraction": 1.5,
    "a huge number": 10**400,
    "not a number": float("nan"),
    "true": True,
    "text": "x",
    "empty text": "",
    "a list": [],
    "an object": {},
    "a list of wrong things": [5, None, "x", {}, []],
    "an object of wrong things": {"": 5, "x": None, "y": [], "z": {}},
    "huge text": HUGE,
    "deep": _DEEP,
    "control characters": "a\x1b[31m\x00\x07\x9b31mb",
    "lines": f"a{FORGED}",
    "a command": "::error ::forged",
    "another command": "##[group]forged ##vso[task.complete]",
    "half a character": "\ud800",
    "another direction": "a\u202eb",
    "another role": "arn:aws:iam::999988887777:role/other",
    "a time": "2026-01-01T00:00:00Z",
    "a far time": "9999-12-31T23:59:59.999999Z",
}
# changes of a member
CHANGES = ("missing", "twice", "appended")
# values in place of the answer
BODIES: Mapping[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a number": b"5",
    "text": b'"x"',
    "an empty object": b"{}",
    "half of it": b'{"a": [1, ',
    "deep": b"[" * 100_000,
    "not UTF-8": b'\xff\xfe{"a": "\xed\xa0\x80"}',
    "HTML": b"<html><body>\n::error ::forged\n<h1>Sign in</h1></body></html>",
    "XML": b"<?xml version='1.0'?><a><b>::error ::forged</b></a>",
    "entities": b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'x'><!ENTITY c '&b;&b;'>]><a>&c;</a>",
    "white space": b" \n\t ",
}
STATUSES = (204, 302, 400, 401, 403, 404, 405, 409, 410, 418, 429, 500, 503)
# error documents; each of their members is wrong in turn
ERRORS: tuple[Any, ...] = (
    {"__type": "ResourceNotFoundException", "message": "m", "code": "c"},
    {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'pods is forbidden: User "u" cannot list resource "pods" in API group "" at the cluster scope',
        "reason": "Forbidden",
        "details": {"name": "n", "kind": "pods", "causes": [{"reason": "r", "message": "m"}], "retryAfterSeconds": 1},
        "code": 403,
    },
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """`path` is the place in the answer's document, or none for the whole answer; `kind` is one of the tables above."""

    kind: str
    path: Path = ()
    status: int = 0
    error: int = -1

    def __str__(self) -> str:
        where = ".".join(map(str, self.path)) or "the answer"
        of = f" of error {self.error}" if self.error >= 0 else ""
        return f"{where}{of}: {self.kind}{f' ({self.status})' if self.status else ''}"


def mutations(answer: HttpAnswer) -> Iterator[Mutation]:
    """Yield all mutations of the answer."""
    for kind in BODIES:
        yield Mutation(kind)
        for status in STATUSES:
            yield Mutation(kind, status=status)
    for number, document in enumerate(ERRORS):
        for status in STATUSES:
            for path in paths(document):
                for kind in (*VALUES, *CHANGES):
                    yield Mutation(kind, path, status, number)
    for path in paths(_document(answer.body)):
        for kind in (*VALUES, *CHANGES):
            yield Mutation(kind, path)


def mutated(answer: HttpAnswer, mutation: Mutation) -> HttpAnswer:
    """Return the mutated answer; unchanged if it lacks the place."""
    status = mutation.status or answer.status
    headers = {key: value for key, value in answer.headers.items() if key.lower() != "content-length"}
    if mutation.error >= 0:
        wrong = _changed(deepcopy(ERRORS[mutation.error]), mutation.path, mutation.kind)
        return HttpAnswer(status, headers, _written(wrong))
    if not mutation.path:
        return HttpAnswer(status, headers, BODIES[mutation.kind])
    document = _document(answer.body)
    if isinstance(document, ET.Element):
        _change_element(document, mutation.path, mutation.kind)
        return HttpAnswer(status, headers, ET.tostring(document, "utf-8"))
    return HttpAnswer(status, headers, _written(_changed(document, mutation.path, mutation.kind)))


def _document(body: bytes) -> Any:
    """Return JSON, or the root element of XML; None for any other text, such as a log."""
    try:
        return json.loads(body)
    except ValueError:
        try:
            return ET.fromstring(body)
        except ET.ParseError:
            return None


def paths(document: Any) -> Iterator[Path]:
    """Yield each place below the root; of a list only the first item."""
    if isinstance(document, ET.Element):
        for number, child in enumerate(document):
            if child.tag not in [before.tag for before in document[:number]]:
                yield (number,)
                yield from ((number, *path) for path in paths(child))
        inside = _policy(document.text)
        yield from (("policy", *path) for path in paths(inside))
        return
    members = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document[:1])
        if isinstance(document, list)
        else ()
    )
    for key, value in members:
        yield (key,)
        yield from ((key, *path) for path in paths(value))


def named(body: bytes, path: Path) -> str:
    """Return the tag of an XML element."""
    element = ET.fromstring(body)
    for key in path:
        element = element[int(key)]
    return element.tag.rpartition("}")[2]


def _policy(text: str | None) -> Any:
    """Return the JSON that IAM has percent-encoded in its XML."""
    try:
        policy = json.loads(unquote(text or ""))
    except ValueError:
        return None
    return policy if isinstance(policy, dict) else None


def _changed(document: Any, path: Path, kind: str) -> Any:
    holder = document
    for key in path[:-1]:
        if not _has(holder, key):
            return document
        holder = holder[key]
    key = path[-1]
    if not _has(holder, key):
        return document
    if kind == "missing":
        del holder[key]
    elif kind == "twice":
        value = holder[key]
        holder[key] = value * 2 if isinstance(value, list | str) else [value, value]
    elif kind == "appended":
        holder[key] = f"{holder[key]}{FORGED}"
    else:
        holder[key] = deepcopy(VALUES[kind])
    return document


def _has(holder: Any, key: str | int) -> bool:
    if isinstance(holder, dict):
        return key in holder
    return isinstance(holder, list) and isinstance(key, int) and key < len(holder)


def _written(document: Any) -> bytes:
    text = json.dumps(document)
    return text.replace(f'"{_DEEP}"', "[" * 3000 + "]" * 3000).encode()


def _change_element(root: ET.Element, path: Path, kind: str) -> None:
    holder, element = root, root
    for position, key in enumerate(path):
        if key == "policy":
            inside = _policy(element.text)
            if isinstance(inside, dict):
                element.text = quote(_written(_changed(inside, path[position + 1 :], kind)))
            return
        if not isinstance(key, int) or key >= len(element):
            return
        holder, element = element, element[key]
    if kind == "missing":
        holder.remove(element)
    elif kind == "twice":
        holder.append(deepcopy(element))
    elif kind == "appended":
        element.text = f"{element.text}{_allowed(FORGED)}"
    elif kind == "deep":
        for _ in range(500):
            element = ET.SubElement(element, element.tag)
    else:
        value = VALUES[kind]
        for child in list(element):
            element.remove(child)
        element.text = None if value is None else _allowed(value if isinstance(value, str) else json.dumps(value))


def _allowed(text: str) -> str:
    """Remove the characters that XML does not allow."""
    return "".join(c for c in text if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff"))
