"""A second evaluator, deliberately naive and written from IAM's documentation alone, to compare with podid's.

It knows the values of a request as a plain table (None: not sent), has no unknowns, and spells every operator out.
"""

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

Table = Mapping[str, list[str] | None]


def lets_in(document: Mapping[str, Any], principal: tuple[str, str], action: str, table: Table) -> bool:
    statements = document["Statement"]
    statements = statements if isinstance(statements, list) else [statements]
    variables = document.get("Version") == "2012-10-17"
    applying = [s["Effect"] for s in statements if _applies(s, principal, action, table, variables)]
    return "Allow" in applying and "Deny" not in applying


def _applies(s: Mapping[str, Any], principal: tuple[str, str], action: str, table: Table, variables: bool) -> bool:
    kind, name = principal
    if name not in as_list(s["Principal"].get(kind, [])):
        return False
    if not any(glob(expected.lower(), action.lower()) for expected in as_list(s["Action"])):
        return False
    for operator, block in s.get("Condition", {}).items():
        for key, expected in block.items():
            texts = [as_text(value) for value in as_list(expected)]
            if not condition_holds(operator, table[key.lower()], texts, table, variables):
                return False
    return True


def condition_holds(operator: str, sent: list[str] | None, expected: list[str], table: Table, variables: bool) -> bool:
    if operator == "Null":
        return str(sent is None).lower() in expected
    if operator.endswith("IfExists"):
        return sent is None or condition_holds(operator[: -len("IfExists")], sent, expected, table, variables)
    if operator.startswith("ForAllValues:"):
        return all(_single(operator[len("ForAllValues:") :], v, expected, table, variables) for v in sent or [])
    if operator.startswith("ForAnyValue:"):
        return any(_single(operator[len("ForAnyValue:") :], v, expected, table, variables) for v in sent or [])
    if sent is None:
        return "Not" in operator
    return _single(operator, sent[0], expected, table, variables)


def _single(operator: str, sent: str, expected: list[str], table: Table, variables: bool) -> bool:
    if "Not" in operator:
        return not _single(operator.replace("Not", ""), sent, expected, table, variables)
    return any(_equal(operator, sent, w, table, variables) for w in expected)


def _equal(operator: str, sent: str, expected: str, table: Table, variables: bool) -> bool:
    if operator.startswith(("String", "Arn")):
        like = operator.startswith("Arn") or operator == "StringLike"
        pattern = pattern_of(expected, like, table, variables)
        if pattern is None:
            return False
        if operator.startswith("Arn"):
            pattern, pieces = _arn_pieces(pattern), sent.split(":", 5)
            return len(pattern) == len(pieces) and all(map(fits, pattern, pieces))
        if operator == "StringEqualsIgnoreCase":
            return fits([("text", part[1].lower()) for part in pattern], sent.lower())
        return fits(pattern, sent)
    if operator == "Bool":
        return expected == sent
    if operator == "IpAddress":
        return ip_address(sent) in ip_network(expected)
    if operator == "BinaryEquals":
        return base64.b64decode(expected).decode() == sent
    if operator.startswith("Numeric"):
        return _order(operator[len("Numeric") :], float(sent), float(expected))
    assert operator.startswith("Date")
    return _order(operator[len("Date") :], _seconds(sent), _seconds(expected))


def _order(name: str, sent: float, expected: float) -> bool:
    return {
        "Equals": sent == expected,
        "LessThan": sent < expected,
        "LessThanEquals": sent <= expected,
        "GreaterThan": sent > expected,
        "GreaterThanEquals": sent >= expected,
    }[name]


def _seconds(text: str) -> float:
    return float(text) if text.isdigit() else datetime.fromisoformat(text).timestamp()


def pattern_of(text: str, like: bool, table: Table, variables: bool) -> Any:
    """Return a list of ("text", …), ("many", "") and ("one", ""); None if a variable has no value."""
    parts: list[tuple[str, str]] = []
    for piece in re.split(r"(\$\{[^}]*\})", text) if variables else [text]:
        if variables and piece.startswith("${"):
            inner = piece[2:-1]
            if inner in ("*", "?", "$"):
                parts.append(("text", inner))
                continue
            key, _, default = inner.partition(", ")
            sent = table[key.lower()]
            if sent is None and not default:
                return None
            parts.append(("text", sent[0] if sent is not None else default.strip("'")))
            continue
        for letter in piece:
            kind = {"*": "many", "?": "one"}.get(letter, "text") if like else "text"
            parts.append((kind, letter if kind == "text" else ""))
    return parts


def _arn_pieces(parts: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    letters = [(kind, letter) for kind, text in parts for letter in (text if kind == "text" else ["" + text])]
    pieces: list[list[tuple[str, str]]] = [[]]
    for kind, letter in letters:
        if (kind, letter) == ("text", ":") and len(pieces) < 6:
            pieces.append([])
        else:
            pieces[-1].append((kind, letter))
    return pieces


def fits(parts: list[tuple[str, str]], text: str) -> bool:
    if not parts:
        return text == ""
    (kind, literal), following = parts[0], parts[1:]
    if kind == "text":
        return text.startswith(literal) and fits(following, text[len(literal) :])
    if kind == "one":
        return text != "" and fits(following, text[1:])
    return any(fits(following, text[n:]) for n in range(len(text) + 1))


def glob(pattern: str, text: str) -> bool:
    return fits([({"*": "many", "?": "one"}.get(c, "text"), "" if c in "*?" else c) for c in pattern], text)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
