"""Misspelled words in a trust policy: words that IAM or STS does not have, but similar to one that it has."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from podid.domain import text
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.trust.policy import KNOWN_MEMBERS, Policy, Statement, parse_policy
from podid.domain.trust.request import KNOWN_KEYS

_ACTIONS = (
    *("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext", "sts:AssumeRoleWithWebIdentity"),
    *("sts:AssumeRoleWithSAML", "sts:AssumeRoot", "sts:GetCallerIdentity", "sts:GetSessionToken"),
    *("sts:GetFederationToken", "sts:GetAccessKeyInfo", "sts:DecodeAuthorizationMessage", "sts:GetServiceBearerToken"),
    *("sts:GetWebIdentityToken", "sts:GetDelegatedAccessToken", "rolesanywhere:CreateSession"),
)
OPERATORS = (
    *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike"),
    *("StringNotLike", "ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike", "Bool", "Null", "BinaryEquals"),
    *("IpAddress", "NotIpAddress", "NumericEquals", "NumericLessThan", "DateLessThan", "DateGreaterThan"),
)
_SERVICES = ("eks.amazonaws.com", "eks-fargate-pods.amazonaws.com", "eks-fargate.amazonaws.com")
_VERY_ALIKE = 0.85


@dataclass(frozen=True, slots=True)
class Slip:
    """The word `written` in the statement `label`, and the known word that is probably `meant`."""

    label: str
    kind: str
    written: str
    meant: str

    def __str__(self) -> str:
        return f"{self.label}: {self.written} is not a known {self.kind}; {self.meant} is probably meant"


def find_slips(policy: Policy) -> tuple[Slip, ...]:
    """Return the misspelled words, each once, by statement."""
    return tuple(dict.fromkeys(slip for statement in policy.statements for slip in _of(statement)))


def action_meant(action: str) -> str:
    """Return the action that a misspelled one probably means; empty for a known one, a pattern, or one close to
    none."""
    if set("*?") & set(action):
        return ""
    return _meant(action, _ACTIONS) if ":" in action else _meant(f"sts:{action}", _ACTIONS, exact=True)


def with_actions_corrected(policy: Policy) -> Policy:
    """Return the policy with every misspelled action corrected; the same object if there is none."""
    raws = [_corrected(statement.raw) for statement in policy.statements]
    if all(raw is statement.raw for raw, statement in zip(raws, policy.statements, strict=True)):
        return policy
    return parse_policy(policy.with_statements(raws).document)


def _corrected(raw: Mapping[str, object]) -> Mapping[str, object]:
    actions = raw.get("Action")
    if isinstance(actions, str):
        new: object = action_meant(actions) or actions
    elif isinstance(actions, list):
        new = [action_meant(item) or item for item in actions if isinstance(item, str)]
    else:
        return raw
    return raw if new == actions else {**raw, "Action": new}


def _of(statement: Statement) -> Iterator[Slip]:
    label = statement.label
    for name in statement.strange:
        yield from _slip(label, "member of a statement", name, _meant(name, KNOWN_MEMBERS))
    for kind, name in statement.principals:
        if kind == "Service" and name not in _SERVICES:
            yield from _slip(label, "service principal of EKS", name, _meant(name, (PODS_PRINCIPAL,), 0.9))
    for action in statement.actions:
        yield from _slip(label, "STS action", action, action_meant(action))
    for condition in statement.conditions:
        if not condition.known:
            base = condition.operator.rpartition(":")[2].removesuffix("IfExists")
            yield from _slip(label, "condition operator", condition.operator, _meant(base, OPERATORS))
        if condition.name.startswith(("aws:", "sts:")) and "/" not in condition.name:
            yield from _slip(label, "condition key", condition.key, _meant(condition.key, KNOWN_KEYS))


def _slip(label: str, kind: str, written: str, meant: str) -> Iterator[Slip]:
    if meant:
        yield Slip(label, kind, written, meant)


def _meant(written: str, known: Iterable[str], alike: float = _VERY_ALIKE, *, exact: bool = False) -> str:
    """Return the known word that `written` resembles; with `exact` also if it is that word."""
    by_lower = {name.lower(): name for name in known}
    if written.lower() in by_lower:
        return by_lower[written.lower()] if exact else ""
    near = text.nearest(written.lower(), by_lower, 1, alike)
    return by_lower[near[0]] if near else ""
