"""Kleene's three-valued logic: True, False, and None for what cannot be known."""

from collections.abc import Iterable

Truth = bool | None


def all_of(truths: Iterable[Truth]) -> Truth:
    """False as soon as one is False, whatever else is unknown."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """True as soon as one is True, whatever else is unknown."""
    result: Truth = False
    for truth in truths:
        if truth is True:
            return True
        if truth is None:
            result = None
    return result


def negate(truth: Truth) -> Truth:
    return None if truth is None else not truth


def agreed(truths: Iterable[Truth]) -> Truth:
    """The answer that all possible worlds give; None when they differ."""
    answers = set(truths)
    return answers.pop() if len(answers) == 1 else None
