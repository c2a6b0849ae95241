"""Verdicts in words: the deciding statement, the condition that does not match, and both values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from podid.domain import text
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.trust.conditions import Condition
from podid.domain.trust.policy import KNOWN_MEMBERS, Policy, Statement, parse_policy
from podid.domain.trust.request import (
    KNOWN_KEYS,
    TAG_KEYS,
    NoValue,
    PodIdentity,
    Request,
    RequestContext,
    Sent,
    is_web_identity,
)
from podid.domain.wildcards import matches, pattern

_REQUEST_TAG = "aws:requesttag/"


def nearest(policy: Policy, action: str, request: Request, context: RequestContext) -> tuple[Statement | None, str]:
    """Return the Allow statement that comes nearest to a match, and its obstacle: `principal`, `action` or
    `condition`."""
    allows = [s for s in policy.statements if s.allow and s.names_caller(request) is not False]
    if not allows:
        return None, "principal"
    about = [s for s in allows if s.covers(action) is not False]
    if not about:
        # prefer a statement whose conditions match and that names the caller
        return min(allows, key=lambda s: (len(failing(s, context)), s.names_caller(request) is None)), "action"
    return min(about, key=lambda s: len(failing(s, context))), "condition"


def failing(statement: Statement, context: RequestContext) -> list[Condition]:
    return [condition for condition in statement.conditions if condition.holds(context) is False]


def why_not(policy: Policy, action: str, request: Request, context: RequestContext) -> tuple[Statement | None, str]:
    """Return the nearest statement and one sentence about it."""
    statement, stage = nearest(policy, action, request, context)
    if statement is None:
        return None, no_principal(policy, request)
    if stage == "action":
        return statement, f"{statement.label} applies to {request.caller}, but does not allow {action}"
    return statement, f"{statement.label} {condition_failure(failing(statement, context)[0], context)}"


def why_denied(statement: Statement, context: RequestContext) -> str:
    """Return one sentence on a Deny statement that applies, with the conditions that match."""
    held = [f"{c.operator} {c.key} ({_sent(c, context)})" for c in statement.conditions]
    because = f" because of {' and '.join(held)}" if held else ""
    return f"{statement.label} denies the request{because}; an explicit Deny overrides every Allow"


def condition_failure(condition: Condition, context: RequestContext) -> str:
    """Return `does not match: … requires X, but EKS sends Y`, with a hint for the well-known mistakes."""
    return f"does not match: {requirement(condition, context)}"


def requirement(condition: Condition, context: RequestContext) -> str:
    """Return `… requires X, but EKS sends Y`, with the hint."""
    values = " or ".join(condition.values)
    line = f"{condition.operator} {condition.key}"
    requires, but = ("excludes", "and") if condition.negated else ("requires", "but")
    sentence = f"{line} {requires} {values}, {but} {_sent(condition, context)}"
    hint = hint_for(condition, context)
    return f"{sentence}; {hint}" if hint else sentence


def why_unknown(statement: Statement, action: str, request: Request, context: RequestContext) -> str:
    """Return one sentence with the first part of the statement that podid cannot evaluate."""
    effect = "allow" if statement.allow else "deny"
    return f"{statement.label} may {effect} the request: {_unknown_part(statement, action, request, context)}"


def _unknown_part(statement: Statement, action: str, request: Request, context: RequestContext) -> str:
    if statement.names_caller(request) is None:
        return _unknown_principal(statement)
    if statement.covers(action) is None:
        return "podid does not evaluate NotAction"
    if statement.strange:
        return f"it has {', '.join(statement.strange)}, which IAM does not accept in a trust policy"
    unknown = next(condition for condition in statement.conditions if condition.holds(context) is None)
    return _unknown_condition(unknown, context)


def _unknown_principal(statement: Statement) -> str:
    if statement.not_principal:
        return "podid does not evaluate NotPrincipal"
    if any(name == "*" for _, name in statement.principals):
        return 'the principal is "*", and AWS does not document whether that allows AWS services'
    return "the principal is a role session, or of a kind that podid does not evaluate"


def _unknown_condition(condition: Condition, context: RequestContext) -> str:
    line = f"{condition.operator} {condition.key}"
    if not condition.known:
        return f"podid does not know the operator {condition.operator}"
    if not condition.values:
        return f"{line} has no values, and AWS does not document the result"
    sent = context.find(condition.name)
    if sent is NoValue.ABSENT:
        return f"{line} cannot be evaluated: the request does not contain the key, and AWS does not document the result"
    if not isinstance(sent, Sent):
        return f"it is not known whether {condition.key} is sent, and with which value"
    if sent.why:
        return f"{line} cannot be evaluated: {sent.why}"
    if sent.many and not condition.quantifier:
        return f"{line} compares a multivalued key without ForAllValues or ForAnyValue"
    if any("${" in value for value in condition.values):
        return f"{line} has a policy variable whose value is not known"
    return (
        f"{line} cannot be evaluated: {' or '.join(condition.values)} cannot be compared with {', '.join(sent.values)}"
    )


def _sent(condition: Condition, context: RequestContext) -> str:
    who = "EKS" if context.hop == 1 else "the request"
    sent = context.find(condition.name)
    if not isinstance(sent, Sent):
        return f"{who} does not send it" if context.hop == 1 else f"{who} does not contain it"
    verb = "sends" if context.hop == 1 else "contains"
    if sent.open:
        return f"{who} {verb} a value that begins with {', '.join(sent.open)}"
    return f"{who} {verb} {', '.join(sent.values)}"


def hint_for(condition: Condition, context: RequestContext) -> str:
    """Return advice for a mistake that is common in public templates; empty when there is none."""
    sent = context.find(condition.name)
    values = sent.values if isinstance(sent, Sent) else ()
    if condition.name == "aws:sourcearn" and any(":podidentityassociation/" in v for v in condition.values):
        return "aws:SourceArn is the cluster's ARN, never the association's"
    if condition.name.startswith(_REQUEST_TAG) and not values:
        return _tag_hint(condition, context)
    if is_web_identity(condition.name):
        return "this condition belongs to IRSA; EKS Pod Identity sends no OIDC claims"
    if condition.name.startswith("aws:principaltag/") and context.hop == 1:
        return "EKS sends the session tags as aws:RequestTag/…"
    if condition.name in ("aws:principalorgid", "aws:principalorgpaths") and context.hop == 1:
        return "for an AWS service the key is aws:SourceOrgID or aws:SourceOrgPaths"
    return _value_hint(condition, values)


def _tag_hint(condition: Condition, context: RequestContext) -> str:
    if context.find("aws:tagkeys") is NoValue.ABSENT:
        return "session tags are disabled, so EKS sends no aws:RequestTag"
    tag = condition.name.removeprefix(_REQUEST_TAG)
    close = [key for key in TAG_KEYS if key.startswith(tag)] or text.nearest(tag, TAG_KEYS, 1)
    if not close:
        return f"EKS sends only the tags {', '.join(TAG_KEYS)}"
    return f"the session tag is {' or '.join(close)}"


def _value_hint(condition: Condition, values: Iterable[str]) -> str:
    for sent in values:
        for value in condition.values:
            if condition.negated or value == sent:
                continue
            if condition.family == "equals" and matches(pattern(value), sent):
                return "* and ? are literal characters in StringEquals; use StringLike"
            if condition.family == "arn" and matches(pattern(value), sent):
                return "an ARN pattern has six parts, and * does not match a colon"
            if value.lower() == sent.lower():
                return "the comparison is case-sensitive"
    return ""


def no_principal(policy: Policy, request: Request) -> str:
    """Return one sentence on a trust policy that does not name the caller, with the well-known causes."""
    named = [(kind, name) for s in policy.statements if s.allow for kind, name in s.principals]
    names = ", ".join(dict.fromkeys(name for _, name in named))
    if not named:
        return f"no statement allows {request.caller}"
    if isinstance(request, PodIdentity) and {kind for kind, _ in named} == {"Federated"}:
        return f"this is an IRSA role: its trust policy names only {names}, not {PODS_PRINCIPAL}"
    sentence = f"no statement allows {request.caller}: the trust policy names {names}"
    if isinstance(request, PodIdentity) and any("pods" in name and "eks" in name for _, name in named):
        return f"{sentence}; the service principal is {PODS_PRINCIPAL} in every partition"
    return sentence


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
class Misspelling:
    """The word `written` in the statement `label`, and the known word that is probably `meant`."""

    label: str
    kind: str
    written: str
    meant: str

    def __str__(self) -> str:
        return f"{self.label}: {self.written} is not a known {self.kind}; {self.meant} is probably meant"


def find_misspellings(policy: Policy) -> tuple[Misspelling, ...]:
    """Return the misspelled words, each once, by statement."""
    return tuple(dict.fromkeys(misspelling for statement in policy.statements for misspelling in _of(statement)))


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


def _of(statement: Statement) -> Iterator[Misspelling]:
    label = statement.label
    for name in statement.strange:
        yield from _misspelling(label, "member of a statement", name, _meant(name, KNOWN_MEMBERS))
    for kind, name in statement.principals:
        if kind == "Service" and name not in _SERVICES:
            yield from _misspelling(label, "service principal of EKS", name, _meant(name, (PODS_PRINCIPAL,), 0.9))
    for action in statement.actions:
        yield from _misspelling(label, "STS action", action, action_meant(action))
    for condition in statement.conditions:
        if not condition.known:
            base = condition.operator.rpartition(":")[2].removesuffix("IfExists")
            yield from _misspelling(label, "condition operator", condition.operator, _meant(base, OPERATORS))
        if condition.name.startswith(("aws:", "sts:")) and "/" not in condition.name:
            yield from _misspelling(label, "condition key", condition.key, _meant(condition.key, KNOWN_KEYS))


def _misspelling(label: str, kind: str, written: str, meant: str) -> Iterator[Misspelling]:
    if meant:
        yield Misspelling(label, kind, written, meant)


def _meant(written: str, known: Iterable[str], alike: float = _VERY_ALIKE, *, exact: bool = False) -> str:
    """Return the known word that `written` resembles; with `exact` also if it is that word."""
    by_lower = {name.lower(): name for name in known}
    if written.lower() in by_lower:
        return by_lower[written.lower()] if exact else ""
    near = text.nearest(written.lower(), by_lower, 1, alike)
    return by_lower[near[0]] if near else ""
