"""IAM's rules for policy documents, written from the IAM user guide and independent of podid's own trust engine.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

Keys = Mapping[str, tuple[str, ...]]
"""Condition keys of a request, with their values."""
RawStatement = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServicePrincipal:
    """An AWS service that calls for itself, for example pods.eks.amazonaws.com."""

    name: str


@dataclass(frozen=True, slots=True)
class AwsPrincipal:
    """A user, a role or a role session. `arns` are all ARNs by which a policy can name it."""

    arns: tuple[str, ...]
    account: str


@dataclass(frozen=True, slots=True)
class FederatedPrincipal:
    """An identity provider in IAM, by ARN."""

    arn: str


Principal = ServicePrincipal | AwsPrincipal | FederatedPrincipal


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """A decision. A deny overrides an allow. `by_account`: the policy names only the principal's account."""

    allowed: bool = False
    denied: bool = False
    by_account: bool = False

    @property
    def passes(self) -> bool:
        return self.allowed and not self.denied


def decide(
    document: str,
    action: str,
    resource: str,
    keys: Keys,
    *,
    principal: Principal | None = None,
    conditions: bool = True,
) -> PolicyDecision:
    """Return the decision of one policy on one request. With `principal`, it is a resource policy (a trust policy has
    no Resource).

    `conditions=False` ignores the conditions of statements.
    """
    allowed = denied = False
    by_account = True
    for statement in statements(document):
        if not _action_matches(statement, action) or not _resource_matches(statement, resource, keys, principal):
            continue
        match = _principal_match(statement, principal) if principal is not None else "exact"
        if match == "" or (conditions and not _conditions_hold(statement.get("Condition", {}), keys)):
            continue
        if statement.get("Effect") == "Deny":
            denied = True
        else:
            allowed = True
            by_account = by_account and match == "account"
    return PolicyDecision(allowed, denied, allowed and by_account)


@lru_cache(maxsize=512)
def _parsed(document: str) -> tuple[RawStatement, ...]:
    try:
        parsed = json.loads(document)
    except ValueError:
        return ()
    items = parsed.get("Statement", []) if isinstance(parsed, dict) else []
    return tuple(as_list(items))


def statements(document: str) -> tuple[RawStatement, ...]:
    """Return the statements of a document; none if it does not parse."""
    return _parsed(document)


def as_list(value: Any) -> list[Any]:
    """Return the value as a list: IAM accepts one value in place of a list."""
    return value if isinstance(value, list) else [value]


@lru_cache(maxsize=4096)
def _wildcard(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    text = "".join(parts.get(character, re.escape(character)) for character in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def like(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Match IAM's wildcards, * and ?."""
    return _wildcard(pattern, ignore_case).fullmatch(value) is not None


def _action_matches(statement: RawStatement, action: str) -> bool:
    if "NotAction" in statement:
        return not any(like(item, action, ignore_case=True) for item in as_list(statement["NotAction"]))
    return any(like(item, action, ignore_case=True) for item in as_list(statement.get("Action", [])))


def _resource_matches(statement: RawStatement, resource: str, keys: Keys, principal: Principal | None) -> bool:
    if "NotResource" in statement:
        return not any(like(_fill(item, keys), resource) for item in as_list(statement["NotResource"]))
    if "Resource" not in statement:
        return principal is not None
    return any(like(_fill(item, keys), resource) for item in as_list(statement["Resource"]))


def _principal_match(statement: RawStatement, principal: Principal | None) -> str:
    """Return "exact", "account" (the element names only the principal's account) or "" (no match)."""
    if "NotPrincipal" in statement:
        return "" if _named(statement["NotPrincipal"], principal) else "exact"
    return _named(statement.get("Principal", {}), principal)


def _named(element: Any, principal: Principal | None) -> str:
    if element == "*":
        return "account" if isinstance(principal, AwsPrincipal) else "exact"
    if not isinstance(element, dict):
        return ""
    if isinstance(principal, ServicePrincipal):
        names = as_list(element.get("Service", []))
        return "exact" if principal.name in names or "*" in as_list(element.get("AWS", [])) else ""
    if isinstance(principal, FederatedPrincipal):
        return "exact" if principal.arn in as_list(element.get("Federated", [])) else ""
    if not isinstance(principal, AwsPrincipal):
        return ""
    names = as_list(element.get("AWS", []))
    if any(name in principal.arns for name in names):
        return "exact"
    root = re.compile(rf"arn:[^:]+:iam::{principal.account}:root")
    account = any(name in ("*", principal.account) or root.fullmatch(name) for name in names)
    return "account" if account else ""


def _fill(text: str, keys: Keys) -> str:
    """Replace policy variables. A variable without a single value keeps its braces, so that it matches no real
    value."""

    def value(match: re.Match[str]) -> str:
        name, _, default = match.group(1).partition(",")
        if name in ("*", "?", "$"):
            return name
        values = _lookup(keys, name.strip())
        if values is not None and len(values) == 1:
            return values[0]
        return default.strip().strip("'") if default else match.group(0)

    return re.sub(r"\$\{([^}]+)\}", value, text) if "${" in text else text


def _lookup(keys: Keys, key: str) -> tuple[str, ...] | None:
    lowered = key.lower()
    for name, values in keys.items():
        if name.lower() == lowered:
            return values
    return None


def _conditions_hold(block: Any, keys: Keys) -> bool:
    if not isinstance(block, dict):
        return False
    return all(
        _condition_holds(name, key, as_list(values), keys)
        for name, tests in block.items()
        for key, values in tests.items()
    )


def _condition_holds(operator: str, key: str, expected: list[Any], keys: Keys) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if_exists = name.lower().endswith("ifexists")
    name = (name[: -len("IfExists")] if if_exists else name).lower()
    values = _lookup(keys, key)
    texts = [_fill(_as_text(item), keys) for item in expected]
    if name == "null":
        return any((values is None) == (text.lower() == "true") for text in texts)
    test = _TESTS.get(name)
    if test is None:
        return False
    if quantifier.lower() == "forallvalues":
        return all(_one_value(test, value, texts) for value in values or ())
    if values is None:
        return if_exists or (test.negated and not quantifier)
    if quantifier.lower() == "foranyvalue":
        return any(_one_value(test, value, texts) for value in values)
    if test.negated:
        return all(_one_value(test, value, texts) for value in values)
    return any(_one_value(test, value, texts) for value in values)


@dataclass(frozen=True, slots=True)
class _Test:
    compare: Callable[[str, str], bool]
    negated: bool = False


def _one_value(test: _Test, value: str, expected: Iterable[str]) -> bool:
    matches = any(test.compare(value, text) for text in expected)
    return not matches if test.negated else matches


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _arn_like(value: str, pattern: str) -> bool:
    parts, pattern_parts = value.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(pattern_parts) == 6 and all(like(w, p) for p, w in zip(parts, pattern_parts, strict=True))


def _in_network(value: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _moment(text: str) -> float:
    if text.isdigit():
        return float(text)
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _ordered(read: Callable[[str], float], test: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def compare(value: str, expected: str) -> bool:
        try:
            return test(read(value), read(expected))
        except ValueError:
            return False

    return compare


_ORDER: dict[str, Callable[[float, float], bool]] = {
    "equals": operator.eq,
    "lessthan": operator.lt,
    "lessthanequals": operator.le,
    "greaterthan": operator.gt,
    "greaterthanequals": operator.ge,
}
_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "stringequals": operator.eq,
    "stringequalsignorecase": lambda v, w: v.lower() == w.lower(),
    "stringlike": lambda v, w: like(w, v),
    "arnequals": _arn_like,
    "arnlike": _arn_like,
    "bool": lambda v, w: v.lower() == w.lower(),
    "ipaddress": _in_network,
    **{f"numeric{name}": _ordered(float, test) for name, test in _ORDER.items()},
    **{f"date{name}": _ordered(_moment, test) for name, test in _ORDER.items()},
}
_NEGATED = {
    "notipaddress": "ipaddress",
    **{f"{kind}not{operator}": f"{kind}{operator}" for kind in ("string", "arn") for operator in ("equals", "like")},
    "stringnotequalsignorecase": "stringequalsignorecase",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}
_TESTS = {name: _Test(compare) for name, compare in _COMPARE.items()} | {
    name: _Test(_COMPARE[plain], negated=True) for name, plain in _NEGATED.items()
}
