"""Decide a request for all values of the unknown condition keys at once.

Two statements may be unknown each by itself, and decide together: one allows a request from a VPC endpoint, the other
one every other request. Each comparison of an unknown key with a value is a variable here. The decision is certain if
it is the same for every assignment of these variables, also for those that no request has.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product

from podid.domain.policy.statements import PermissionStatement
from podid.domain.trust.conditions import Condition
from podid.domain.trust.request import NoValue, RequestContext, Sent

# 2 ** 8 assignments
_MOST_VARIABLES = 8
Assignment = Callable[[object], bool]
_Formula = Callable[[Assignment], bool]


def decided(
    layers: Sequence[Iterable[PermissionStatement]], resource: str, context: RequestContext
) -> tuple[bool, tuple[PermissionStatement, ...]] | None:
    """Return whether the request is allowed, and the statements that depend on unknown keys; None if it depends on the
    values of the keys. A Deny in any layer decides, and every layer must allow the request."""
    variables: dict[object, None] = {}
    statements = [
        [(item, formula) for item in layer if (formula := _statement(item, resource, context, variables)) is not None]
        for layer in layers
    ]
    if not variables or len(variables) > _MOST_VARIABLES:
        return None
    names = list(variables)
    answers = set()
    for values in product((False, True), repeat=len(names)):
        assigned = dict(zip(names, values, strict=True)).__getitem__
        holding = [[item for item, formula in layer if formula(assigned)] for layer in statements]
        denied = any(not item.allow for layer in holding for item in layer)
        answers.add(not denied and all(any(item.allow for item in layer) for layer in holding))
        if len(answers) > 1:
            return None
    doubtful = (item for layer in statements for item, _ in layer if item.truth(resource, context) is None)
    return answers.pop(), tuple(doubtful)


def _statement(
    statement: PermissionStatement, resource: str, context: RequestContext, variables: dict[object, None]
) -> _Formula | None:
    """Return the formula of the statement, and add its variables; None if it does not apply to the request."""
    truth = statement.truth(resource, context)
    if truth is False:
        return None
    if truth is True:
        return _always
    parts: list[_Formula] = []
    if statement.strange or statement.resource_truth(resource, context) is None:
        parts.append(_variable(("statement", id(statement)), variables))
    for condition in statement.conditions:
        if condition.holds(context) is None:
            parts.append(_condition(condition, context, variables))
    return lambda assigned: all(part(assigned) for part in parts)


def _always(_: Assignment) -> bool:
    return True


def _variable(name: object, variables: dict[object, None]) -> _Formula:
    variables[name] = None
    return lambda assigned: assigned(name)


def _condition(condition: Condition, context: RequestContext, variables: dict[object, None]) -> _Formula:
    sent = context.find(condition.name)
    comparable = condition.family in ("equals", "ignorecase", "like", "arn", "bool", "null")
    if condition.quantifier or not comparable or (isinstance(sent, Sent) and sent.many):
        return _variable(("condition", id(condition)), variables)
    present: _Formula = _always
    if sent is NoValue.UNKNOWN or (isinstance(sent, Sent) and sent.optional):
        present = _variable(("present", condition.name), variables)
    if condition.family == "null":
        flags = [value.lower() for value in condition.values]
        return lambda assigned: ("false" if present(assigned) else "true") in flags
    atoms = list(_atoms(condition, variables))
    absent = condition.if_exists or condition.negated

    def holds(assigned: Assignment) -> bool:
        if not present(assigned):
            return absent
        return any(atom(assigned) for atom in atoms) is not condition.negated

    return holds


def _atoms(condition: Condition, variables: dict[object, None]) -> Iterator[_Formula]:
    """Yield one formula for each value of the condition."""
    for value in condition.values:
        family = condition.family
        if family == "bool":
            is_true = _variable((condition.name, "bool"), variables)
            if value.lower() == "true":
                yield is_true
            elif value.lower() == "false":
                yield _not(is_true)
        elif "${" in value:
            # the versions of policies differ in whether it is a variable
            yield _variable((id(condition), value), variables)
        else:
            plain = family == "like" and not set("*?") & set(value)
            yield _variable((condition.name, "equals" if plain else family, value), variables)


def _not(formula: _Formula) -> _Formula:
    return lambda assigned: not formula(assigned)
