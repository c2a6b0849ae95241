"""A permissions policy in words: what it allows and forbids, one sentence a statement; and what AWS says of one.

Source: IAM User Guide, "Grammar of the IAM JSON policy language".
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from podid.domain.iam import listed
from podid.domain.text import short_list

_MOST_STATEMENTS = 6
_MOST_NAMES = 4


@dataclass(frozen=True, slots=True)
class PolicyFinding:
    """What IAM Access Analyzer says of a policy. `kind` is its word: ERROR, SECURITY_WARNING, WARNING or SUGGESTION;
    `place` is where in the document, empty for the whole."""

    kind: str
    code: str
    details: str
    place: str = ""


NOT_BY_ORGANIZATION = "a service control policy of the organization does not allow it"


def undecided(keys: Iterable[str]) -> str:
    """Why a simulation that lacks these context keys, and says no, says nothing."""
    return f"the simulation depends on {', '.join(sorted(set(keys)))}, which only a real call carries"


def policy_words(document: Mapping[str, object]) -> tuple[str, ...]:
    """`may dynamodb:GetItem and dynamodb:Query on arn:…:table/orders`. What is not understood is said as such."""
    statements = listed(document.get("Statement"))
    words = [
        _statement_words(item) if isinstance(item, Mapping) else "a statement of another form" for item in statements
    ]
    if len(words) > _MOST_STATEMENTS:
        words = [*words[:_MOST_STATEMENTS], f"and {len(words) - _MOST_STATEMENTS} more statements"]
    return tuple(words) or ("nothing: it has no statement",)


def _statement_words(statement: Mapping[str, object]) -> str:
    may = "may not" if statement.get("Effect") == "Deny" else "may"
    conditions = list(_conditions(statement.get("Condition")))
    only = f", if {' and '.join(conditions)}" if conditions else ""
    return f"{may} {_actions(statement)} on {_resources(statement)}{only}"


def _actions(statement: Mapping[str, object]) -> str:
    if "NotAction" in statement:
        return f"do everything but {_joined(_texts(statement['NotAction']))}"
    actions = _texts(statement.get("Action"))
    if "*" in actions:
        return "do everything"
    if actions and all(action.endswith(":*") for action in actions):
        return f"do everything of {_joined([action[:-2] for action in actions])}"
    return _joined(actions)


def _resources(statement: Mapping[str, object]) -> str:
    if "NotResource" in statement:
        return f"everything but {_joined(_texts(statement['NotResource']))}"
    resources = _texts(statement.get("Resource"))
    return "anything" if "*" in resources else _joined(resources)


def _conditions(condition: object) -> Iterator[str]:
    if not isinstance(condition, Mapping):
        return
    for operator, keys in condition.items():
        for key, value in keys.items() if isinstance(keys, Mapping) else ():
            yield f"{key} {_operator(str(operator))} {_joined(_texts(value), last='or')}"


def _operator(operator: str) -> str:
    """StringEquals and its like read as `is`; every other one stays IAM's word."""
    return "is" if operator in ("StringEquals", "StringLike", "ArnEquals", "ArnLike", "Bool") else operator


def _texts(value: object) -> list[str]:
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in listed(value)]


def _joined(texts: list[str], last: str = "and") -> str:
    if 1 < len(texts) <= _MOST_NAMES:
        return f"{', '.join(texts[:-1])} {last} {texts[-1]}"
    return short_list(texts, _MOST_NAMES) or "nothing"
