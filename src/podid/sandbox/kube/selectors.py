"""Label and field selectors, as query parameters and as objects."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.objects import Obj, get, labels, name, namespace
from podid.sandbox.kube.status import bad_request

Matcher = Callable[[Obj], bool]

_TOKEN = re.compile(r"\s*(==|!=|=|!|\(|\)|,|>|<|[^\s=!(),<>]+)")
_TERM = re.compile(r"(.*?)(!=|==|=)(.*)", re.DOTALL)
_SYMBOLS = frozenset({"==", "!=", "=", "!", "(", ")", ",", ">", "<"})


def everything(_: Obj) -> bool:
    return True


class _Tokens:
    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)

    def peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def take(self) -> str:
        return self._tokens.pop(0) if self._tokens else ""


def parse_labels(text: str) -> Matcher:
    """A `labelSelector`; a bad one is the API server's 400."""
    tokens = _Tokens(text)
    requirements: list[tuple[str, str, frozenset[str]]] = []
    while tokens.peek():
        requirements.append(_requirement(tokens))
        follow = tokens.take()
        if follow not in ("", ","):
            raise bad_request(f"found '{follow}', expected: ',' or 'end of string'")
        if follow == "," and not tokens.peek():
            raise bad_request("found '', expected: identifier after ','")
    return lambda obj: all(_holds(labels(obj), *requirement) for requirement in requirements)


def _requirement(tokens: _Tokens) -> tuple[str, str, frozenset[str]]:
    key = tokens.take()
    if key == "!":
        key = tokens.take()
        if not key or key in _SYMBOLS:
            raise bad_request(f"found '{key}', expected: identifier")
        return (key, "absent", frozenset())
    if key in _SYMBOLS:
        raise bad_request(f"found '{key}', expected: !, identifier, or 'end of string'")
    operator = tokens.peek()
    if operator in ("", ","):
        return (key, "exists", frozenset())
    tokens.take()
    if operator in ("=", "=="):
        return (key, "in", frozenset({_value(tokens)}))
    if operator == "!=":
        return (key, "notin", frozenset({_value(tokens)}))
    if operator in ("in", "notin"):
        return (key, operator, _values(tokens))
    raise bad_request(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")


def _value(tokens: _Tokens) -> str:
    if tokens.peek() in ("", ","):
        return ""
    value = tokens.take()
    if value in _SYMBOLS:
        raise bad_request(f"found '{value}', expected: identifier")
    return value


def _values(tokens: _Tokens) -> frozenset[str]:
    opening = tokens.take()
    if opening != "(":
        raise bad_request(f"found '{opening}' expected: '('")
    values = {""} if tokens.peek() == ")" else set()
    while (token := tokens.take()) != ")":
        if not token:
            raise bad_request("found '', expected: ',', ')' or identifier")
        if token != ",":
            values.add(token)
    return frozenset(values)


def _holds(found: dict[str, str], key: str, operator: str, values: frozenset[str]) -> bool:
    if operator == "exists":
        return key in found
    if operator == "absent":
        return key not in found
    if operator == "in":
        return found.get(key) in values
    return found.get(key) not in values


def parse_fields(kind: KubeKind, text: str) -> Matcher:
    """A `fieldSelector`; only the fields that Kubernetes indexes for the kind are known."""
    terms: list[tuple[str, bool, str]] = []
    for term in filter(None, text.split(",")):
        parsed = _TERM.fullmatch(term)
        if parsed is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        field, operator, value = parsed.groups()
        common = ("metadata.name", "metadata.namespace") if kind.namespaced else ("metadata.name",)
        if field not in common + kind.fields:
            if kind.fields:
                raise bad_request(f"field label not supported: {field}")
            known = ", ".join(f'"{entry}"' for entry in common)
            raise bad_request(f'"{field}" is not a known field selector: only {known}')
        terms.append((field, operator != "!=", value))
    return lambda obj: all((_field(obj, field) == value) is wanted for field, wanted, value in terms)


def _field(obj: Obj, path: str) -> str:
    if path == "metadata.name":
        return name(obj)
    if path == "metadata.namespace":
        return namespace(obj)
    value: Any = get(obj, *path.split("."), default="")
    return str(value).lower() if isinstance(value, bool) else str(value)


def matches(selector: Obj | None, found: dict[str, str]) -> bool:
    """A `metav1.LabelSelector`: none selects nothing, an empty one everything."""
    if selector is None:
        return False
    if any(found.get(key) != value for key, value in get(selector, "matchLabels", default={}).items()):
        return False
    return expressions_match(get(selector, "matchExpressions", default=()), found)


def expressions_match(expressions: Iterable[Obj], found: dict[str, str]) -> bool:
    """matchExpressions of label selectors and of node affinity."""
    return all(_expression_holds(entry, found) for entry in expressions)


def _expression_holds(entry: Obj, found: dict[str, str]) -> bool:
    operators = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "absent"}
    if entry["operator"] in operators:
        values = frozenset(entry.get("values") or ())
        return _holds(found, entry["key"], operators[entry["operator"]], values)
    value, bound = found.get(entry["key"]), entry["values"][0]
    if value is None:
        return False
    return int(value) > int(bound) if entry["operator"] == "Gt" else int(value) < int(bound)
