"""Whether a ceiling, which is a permissions boundary or a session policy, leaves anything of what policies allow. Only
actions are compared: what is said of resources and under conditions may fit or not, so the answer "nothing" is sure,
and "something" is not.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Iterable, Iterator, Mapping

from podid.domain.grants import listed

EVERYTHING = ("*",)
# longer than any action's name; nothing is proved of such a pattern
_LONGEST = 200


def allowed_actions(documents: Iterable[Mapping[str, object]]) -> tuple[str, ...]:
    """The patterns of actions that the statements allow, in lower case; everything where one allows by exclusion."""
    found: dict[str, None] = {}
    for statement in _statements(documents):
        if statement.get("Effect") != "Allow":
            continue
        if "NotAction" in statement:
            return EVERYTHING
        found |= dict.fromkeys(_actions(statement, "Action"))
    return tuple(found)


def leaves_something(allowed: Iterable[str], ceiling: Mapping[str, object]) -> bool:
    """Whether the ceiling may let any of these actions through."""
    statements = list(_statements((ceiling,)))
    return any(_may_pass(pattern, statements) for pattern in allowed)


def _may_pass(pattern: str, statements: list[Mapping[str, object]]) -> bool:
    allows = (each for each in statements if each.get("Effect") == "Allow")
    denies = (each for each in statements if each.get("Effect") == "Deny" and _of_everything(each))
    return any(_touches(each, pattern) for each in allows) and not any(_holds(each, pattern) for each in denies)


def _touches(statement: Mapping[str, object], pattern: str) -> bool:
    """Whether the statement is about an action of the pattern."""
    if "NotAction" in statement:
        return not any(covers(each, pattern) for each in _actions(statement, "NotAction"))
    # one that names no actions is not of the expected form: nothing is proved by it
    return "Action" not in statement or any(overlap(each, pattern) for each in _actions(statement, "Action"))


def _holds(statement: Mapping[str, object], pattern: str) -> bool:
    """Whether the statement is about every action of the pattern."""
    if "NotAction" in statement:
        return not any(overlap(each, pattern) for each in _actions(statement, "NotAction"))
    return any(covers(each, pattern) for each in _actions(statement, "Action"))


def _of_everything(statement: Mapping[str, object]) -> bool:
    return "*" in listed(statement.get("Resource")) and not statement.get("Condition")


def _statements(documents: Iterable[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    for document in documents:
        yield from (each for each in listed(document.get("Statement")) if isinstance(each, Mapping))


def _actions(statement: Mapping[str, object], member: str) -> list[str]:
    return [each.lower() for each in listed(statement.get(member)) if isinstance(each, str)]


def overlap(one: str, other: str) -> bool:
    """Whether some text matches both patterns."""
    if max(len(one), len(other)) > _LONGEST:
        return True
    return _compare(one, other, shared=True)


def covers(wide: str, narrow: str) -> bool:
    """Whether all that matches `narrow` matches `wide`; False where that is not sure."""
    if max(len(wide), len(narrow)) > _LONGEST:
        return False
    return _compare(wide, narrow, shared=False)


def _compare(one: str, other: str, *, shared: bool) -> bool:
    """Row by row: whether the rest of `one` fits the rest of `other`. `shared`: wildcards of `other` stand for any
    text; else they are texts that only a star of `one` takes in."""
    row = [True, *(False for _ in other)]
    if shared:
        for place, char in enumerate(other):
            row[place + 1] = row[place] and char == "*"
    for char in one:
        before, row = row, [char == "*" and row[0]]
        for place, with_ in enumerate(other):
            if char == "*":
                fits = before[place + 1] or row[place]
            elif with_ == "*":
                fits = shared and (before[place + 1] or row[place])
            else:
                fits = before[place] and (char in ("?", with_) or (shared and with_ == "?"))
            row.append(fits)
    return row[-1]
