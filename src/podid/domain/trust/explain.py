"""Verdicts in words: the deciding statement, the condition that fails, the value it wants and the value sent."""

from collections.abc import Iterable

from podid.domain import text
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.trust.conditions import Condition
from podid.domain.trust.engine import admits, covers
from podid.domain.trust.policy import Policy, Statement
from podid.domain.trust.request import TAG_KEYS, NoValue, PodIdentity, RequestContext, Sent, TargetHop, is_web_identity
from podid.domain.wildcards import matches, pattern

Request = PodIdentity | TargetHop

_REQUEST_TAG = "aws:requesttag/"


def caller(request: Request) -> str:
    return PODS_PRINCIPAL if isinstance(request, PodIdentity) else request.base_role_arn


def nearest(policy: Policy, action: str, request: Request, context: RequestContext) -> tuple[Statement | None, str]:
    """The Allow that comes nearest to matching, and what keeps it from it: `principal`, `action` or `condition`."""
    allows = [s for s in policy.statements if s.allow and admits(s, request) is not False]
    if not allows:
        return None, "principal"
    about = [s for s in allows if covers(s, action) is not False]
    if not about:
        # The one to be completed is the one whose conditions hold and that names the caller.
        return min(allows, key=lambda s: (len(failing(s, context)), admits(s, request) is None)), "action"
    return min(about, key=lambda s: len(failing(s, context))), "condition"


def failing(statement: Statement, context: RequestContext) -> list[Condition]:
    return [condition for condition in statement.conditions if condition.holds(context) is False]


def why_not(policy: Policy, action: str, request: Request, context: RequestContext) -> tuple[Statement | None, str]:
    """The nearest statement and one sentence."""
    statement, stage = nearest(policy, action, request, context)
    if statement is None:
        return None, no_principal(policy, request)
    if stage == "action":
        return statement, f"{statement.label} lets {caller(request)} in, but not for {action}"
    return statement, f"{statement.label} {condition_failure(failing(statement, context)[0], context)}"


def why_denied(statement: Statement, context: RequestContext) -> str:
    """One sentence on a Deny that applies, with the conditions that make it apply."""
    held = [f"{c.operator} {c.key} ({_sent(c, context)})" for c in statement.conditions]
    because = f" because of {' and '.join(held)}" if held else ""
    return f"{statement.label} denies it{because}, and Deny wins over every Allow"


def condition_failure(condition: Condition, context: RequestContext) -> str:
    """`fails on …: it wants X, and EKS sends Y`, with a hint for the well-known slips."""
    wants = " or ".join(condition.values)
    sentence = f"fails on {condition.operator} {condition.key}: it wants {wants}, and {_sent(condition, context)}"
    hint = hint_for(condition, context)
    return f"{sentence}; {hint}" if hint else sentence


def why_unknown(statement: Statement, action: str, request: Request, context: RequestContext) -> str:
    """One sentence with the first thing about the statement that cannot be known."""
    effect = "allow" if statement.allow else "deny"
    return f"{statement.label} may {effect} it: {_unknown_part(statement, action, request, context)}"


def _unknown_part(statement: Statement, action: str, request: Request, context: RequestContext) -> str:
    if admits(statement, request) is None:
        return _unknown_principal(statement)
    if covers(statement, action) is None:
        return "NotAction is not evaluated by podid"
    if statement.strange:
        return f"it has {', '.join(statement.strange)}, which IAM does not take in a trust policy"
    unknown = next(condition for condition in statement.conditions if condition.holds(context) is None)
    return _unknown_condition(unknown, context)


def _unknown_principal(statement: Statement) -> str:
    if statement.not_principal:
        return "NotPrincipal is not evaluated by podid"
    if any(name == "*" for _, name in statement.principals):
        return 'the principal is "*", and podid does not take that for an answer'
    return "the principal is a role session or of a kind that podid does not know"


def _unknown_condition(condition: Condition, context: RequestContext) -> str:
    line = f"{condition.operator} {condition.key}"
    if not condition.known:
        return f"{condition.operator} is not an operator that podid knows"
    if not condition.values:
        return f"{line} has no values, and AWS does not document what that means"
    sent = context.find(condition.name)
    if sent is NoValue.ABSENT:
        return f"{line} cannot be decided: the key is not sent, and AWS does not document what that means here"
    if not isinstance(sent, Sent):
        return f"whether and how {condition.key} is sent is not known"
    if sent.why:
        return f"{line} cannot be decided: {sent.why}"
    if sent.many and not condition.quantifier:
        return f"{line} compares a key of many values without ForAllValues or ForAnyValue"
    if any("${" in value for value in condition.values):
        return f"{line} has a policy variable whose value is not known"
    return f"{line} cannot be decided: {' or '.join(condition.values)} does not compare with {', '.join(sent.values)}"


def _sent(condition: Condition, context: RequestContext) -> str:
    who = "EKS" if context.hop == 1 else "the request"
    sent = context.find(condition.name)
    if not isinstance(sent, Sent):
        return f"{who} does not send it" if context.hop == 1 else f"{who} does not hold it"
    verb = "sends" if context.hop == 1 else "holds"
    if sent.open:
        return f"{who} {verb} a value that begins with {', '.join(sent.open)}"
    return f"{who} {verb} {', '.join(sent.values)}"


def hint_for(condition: Condition, context: RequestContext) -> str:
    """Advice for a slip that is common in public templates; empty when there is none."""
    sent = context.find(condition.name)
    values = sent.values if isinstance(sent, Sent) else ()
    if condition.name == "aws:sourcearn" and any(":podidentityassociation/" in v for v in condition.values):
        return "aws:SourceArn is the cluster's ARN, never the association's"
    if condition.name.startswith(_REQUEST_TAG) and not values:
        return _tag_hint(condition, context)
    if is_web_identity(condition.name):
        return "this condition belongs to IRSA; EKS Pod Identity sends no OIDC claims"
    if condition.name.startswith("aws:principaltag/") and context.hop == 1:
        return "at this hop the session tags are aws:RequestTag/…"
    if condition.name in ("aws:principalorgid", "aws:principalorgpaths") and context.hop == 1:
        return "for an AWS service the key is aws:SourceOrgID or aws:SourceOrgPaths"
    return _value_hint(condition, values)


def _tag_hint(condition: Condition, context: RequestContext) -> str:
    if context.find("aws:tagkeys") is NoValue.ABSENT:
        return "session tags are off, so no aws:RequestTag is sent"
    tag = condition.name.removeprefix(_REQUEST_TAG)
    close = [key for key in TAG_KEYS if key.startswith(tag)] or text.nearest(tag, TAG_KEYS, 1)
    if not close:
        return f"EKS sends only the tags {', '.join(TAG_KEYS)}"
    return f"the session tag is called {' or '.join(close)}"


def _value_hint(condition: Condition, values: Iterable[str]) -> str:
    for sent in values:
        for value in condition.values:
            if condition.family == "equals" and matches(pattern(value), sent):
                return "* and ? are plain characters in StringEquals; use StringLike"
            if condition.family == "arn" and matches(pattern(value), sent):
                return "an ARN pattern has six parts, and * does not reach over a colon"
            if value.lower() == sent.lower():
                return "the comparison is case-sensitive"
    return ""


def no_principal(policy: Policy, request: Request) -> str:
    """One sentence on a trust that names the caller nowhere, with the well-known ways to miss it."""
    named = [(kind, name) for s in policy.statements if s.allow for kind, name in s.principals]
    names = ", ".join(dict.fromkeys(name for _, name in named))
    if not named:
        return f"no statement lets {caller(request)} in"
    if isinstance(request, PodIdentity) and {kind for kind, _ in named} == {"Federated"}:
        return f"this is an IRSA role: its trust names only {names}, and not {PODS_PRINCIPAL}"
    sentence = f"no statement lets {caller(request)} in: the trust names {names}"
    if isinstance(request, PodIdentity) and any("pods" in name and "eks" in name for _, name in named):
        return f"{sentence}; the service is called {PODS_PRINCIPAL} in every partition"
    return sentence
