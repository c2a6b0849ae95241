"""The text of a condition value, its policy variables and its comparison, in three-valued logic (Kleene's): True,
False, and None for unknown.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Variables and tags".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from podid.domain.wildcards import Pattern, Wild, matches, pattern

Truth = bool | None


def all_of(truths: Iterable[Truth]) -> Truth:
    """Return False if one is False, else None if one is unknown."""
    result: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def any_of(truths: Iterable[Truth]) -> Truth:
    """Return True if one is True, else None if one is unknown."""
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
    """Return the value that all have; None if they differ."""
    answers = set(truths)
    return answers.pop() if len(answers) == 1 else None


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}` or `${key, 'default'}`; key names are not case-sensitive."""

    key: str
    default: str | None


Atom = str | Wild | Variable

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_NAMED = re.compile(r"\s*([^\s,'][^,']*?)\s*(?:,\s*'([^']*)'\s*)?")


def parse_text(text: str, *, wildcards: bool, variables: bool) -> tuple[Atom, ...] | None:
    """Return the text as atoms; None if it has a policy variable that is not in IAM's grammar."""
    plain = pattern if wildcards else lambda piece: (piece,) if piece else ()
    # alternately: the text between the variables, and their content
    first, *pieces = _VARIABLE.split(text) if variables else [text]
    atoms: list[Atom] = [*plain(first)]
    for inner, after in zip(pieces[::2], pieces[1::2], strict=True):
        if inner in ("*", "?", "$"):
            atoms.append(inner)
        elif named := _NAMED.fullmatch(inner):
            atoms.append(Variable(named[1].lower(), named[2]))
        else:
            return None
        atoms += plain(after)
    return None if variables and "${" in (pieces[-1] if pieces else first) else tuple(atoms)


def matches_arn(atoms: Pattern, text: str) -> bool:
    """Return whether each of the six colon-separated parts of the ARN matches its part of the pattern."""
    parts, sent = _arn_parts(atoms), text.split(":", 5)
    return len(parts) == len(sent) and all(map(matches, parts, sent))


@lru_cache(maxsize=4096)
def _arn_parts(atoms: Pattern) -> tuple[Pattern, ...]:
    parts: list[list[str | Wild]] = [[]]
    for atom in atoms:
        if isinstance(atom, Wild):
            parts[-1].append(atom)
            continue
        head, *tail = atom.split(":", 6 - len(parts))
        parts[-1] += [head] if head else []
        parts += [[piece] if piece else [] for piece in tail]
    return tuple(tuple(part) for part in parts)


def matches_open(atoms: Pattern, beginnings: tuple[str, ...]) -> Truth:
    """Return whether a value with one of these beginnings and an unknown rest matches: always, never, or None."""
    return agreed(_matches_beginning(atoms, beginning) for beginning in beginnings)


def _matches_beginning(atoms: Pattern, beginning: str) -> Truth:
    letters: list[str | Wild] = []
    for atom in atoms:
        letters += [atom] if isinstance(atom, Wild) else list(atom)
    if not _reachable(letters, beginning):
        return False
    # a letter that is not in the pattern stands for every letter: the pattern matches every ending if it matches
    # endings of this letter, of every length up to its own
    stranger = next(chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in letters)
    accepted = all(len(letters) in _reachable(letters, beginning + stranger * n) for n in range(len(letters) + 2))
    return True if accepted else None


def _reachable(letters: list[str | Wild], text: str) -> set[int]:
    """Return the positions in the pattern that the text can reach (a nondeterministic automaton)."""

    def skip_stars(states: set[int]) -> set[int]:
        closed = set()
        for state in states:
            closed.add(state)
            while state < len(letters) and letters[state] is Wild.MANY:
                state += 1
                closed.add(state)
        return closed

    states = skip_stars({0})
    for letter in text:
        after = set()
        for state in states:
            if state == len(letters):
                continue
            atom = letters[state]
            if atom is Wild.MANY:
                after.add(state)
            elif atom is Wild.ONE or atom == letter:
                after.add(state + 1)
        states = skip_stars(after)
    return states


def lowered(atoms: Pattern) -> Pattern:
    return tuple(atom.lower() if isinstance(atom, str) else atom for atom in atoms)


def joined(atoms: Pattern) -> Pattern:
    """Join adjacent pieces of text, so that equal patterns compare equal."""
    result: list[str | Wild] = []
    for atom in atoms:
        if isinstance(atom, str) and result and isinstance(result[-1], str):
            result[-1] += atom
        else:
            result.append(atom)
    return tuple(result)
