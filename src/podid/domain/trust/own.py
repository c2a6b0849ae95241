"""The user's own conditions: further requirements of a statement for EKS Pod Identity, in addition to its scope."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from podid.domain.errors import Again, InvalidInput
from podid.domain.text import did_you_mean
from podid.domain.trust.conditions import is_operator
from podid.domain.trust.explain import requirement
from podid.domain.trust.policy import Policy, parse_policy
from podid.domain.trust.request import PodIdentity, context_of
from podid.domain.trust.slips import OPERATORS, find_slips

# operators begin with a capital letter, the prefixes of keys do not
_FORM = re.compile(r"(?:((?:For(?:AllValues|AnyValue):)?[A-Z]\w*):)?([^A-Z:=][^:=]*:[^=]+)=(.+)", re.DOTALL)
_DEFAULT = "StringEquals"


@dataclass(frozen=True, slots=True)
class OwnCondition:
    """One value that a condition accepts. Values of the same operator and key are alternatives."""

    operator: str
    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.operator}:{self.key}={self.value}"


def parse_conditions(texts: Iterable[str]) -> tuple[OwnCondition, ...]:
    """Return conditions given as [OPERATOR:]KEY=VALUE. Raise InvalidInput for another form, an operator that IAM does
    not document, a misspelled key, and a pattern that the operator would compare literally."""
    return tuple(dict.fromkeys(map(_parsed, texts)))


def _parsed(text: str) -> OwnCondition:
    match = _FORM.fullmatch(text)
    if match is None:
        form = "[OPERATOR:]KEY=VALUE, such as aws:SourceOrgID=o-1 or StringLike:aws:RequestTag/eks-cluster-name=prod-*"
        raise InvalidInput(f"{text!r} is not a condition: specify {form}", subject=text)
    operator, key, value = match.groups()
    if operator is None:
        if set("*?") & set(value):
            pattern = f"StringLike:{text}"
            message = f"{text!r}: {_DEFAULT}, the default operator, compares * and ? literally; specify {pattern}"
            raise InvalidInput(message, hint=Again(swap=(text, pattern)), subject=text)
        operator = _DEFAULT
    if not is_operator(operator):
        near = did_you_mean(operator.rpartition(":")[2], OPERATORS)
        raise InvalidInput(f"{text!r}: {operator} is not a condition operator of IAM{near}", subject=text)
    for slip in find_slips(_policy({operator: {key: value}})):
        raise InvalidInput(f"{slip.written!r} is not a known {slip.kind}; {slip.meant} is probably meant", subject=text)
    return OwnCondition(operator, key, value)


def _policy(block: Mapping[str, object]) -> Policy:
    """Return a policy whose only statement has this Condition block."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Condition": block}
    return parse_policy({"Version": "2012-10-17", "Statement": [statement]})


def with_own(
    block: Mapping[str, Mapping[str, str]], identity: PodIdentity, conditions: Sequence[OwnCondition]
) -> dict[str, dict[str, object]]:
    """Return the Condition block with `conditions`. Raise InvalidInput for a key that the scope sets, and for a
    condition that no request of EKS for `identity` can match."""
    whole: dict[str, dict[str, object]] = {operator: dict(keys) for operator, keys in block.items()}
    fixed = {key.lower(): key for keys in block.values() for key in keys}
    values: dict[tuple[str, str], list[str]] = {}
    for own in conditions:
        if own.key.lower() in fixed:
            message = f"Condition {own}: the statement already has a condition on {fixed[own.key.lower()]}"
            raise InvalidInput(message, advice="A wider scope omits that condition.", subject=own.key)
        values.setdefault((own.operator, own.key), []).append(own.value)
    for (operator, key), accepted in values.items():
        whole.setdefault(operator, {})[key] = accepted[0] if len(accepted) == 1 else accepted
    _check(whole, identity, set(values))
    return whole


def _check(block: Mapping[str, object], identity: PodIdentity, own: set[tuple[str, str]]) -> None:
    context = context_of(identity)
    for condition in _policy(block).statements[0].conditions:
        if (condition.operator, condition.key) in own and condition.holds(context) is False:
            raise InvalidInput(
                f"The condition can never match for {identity.name}: {requirement(condition, context)}",
                subject=condition.key,
            )
