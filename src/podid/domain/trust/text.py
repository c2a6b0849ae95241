"""The text of a condition value: IAM's wildcards, its policy variables, and how both are matched.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Variables and tags".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from podid.domain.trust.logic import Truth, agreed


class Wild(Enum):
    """A wildcard that is active; a literal `*` or `?` is plain text."""

    MANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}` or `${key, 'default'}`; key names are not case-sensitive."""

    key: str
    default: str | None


Atom = str | Wild | Variable
Pattern = tuple[str | Wild, ...]

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_NAMED = re.compile(r"\s*([^\s,'][^,']*?)\s*(?:,\s*'([^']*)'\s*)?")
_WILDCARD = re.compile(r"[*?]")


def parse_text(text: str, *, wildcards: bool, variables: bool) -> tuple[Atom, ...] | None:
    """The text in atoms; None when it holds a policy variable that IAM's grammar does not have."""
    atoms: list[Atom] = []
    position = 0
    if variables:
        for found in _VARIABLE.finditer(text):
            atoms += _plain(text[position : found.start()], wildcards)
            position = found.end()
            inner = found.group(1)
            if inner in ("*", "?", "$"):
                atoms.append(inner)
                continue
            named = _NAMED.fullmatch(inner)
            if named is None:
                return None
            atoms.append(Variable(named.group(1).lower(), named.group(2)))
        if "${" in text[position:]:
            return None
    atoms += _plain(text[position:], wildcards)
    return tuple(atoms)


def _plain(text: str, wildcards: bool) -> Iterable[Atom]:
    if not wildcards:
        return (text,) if text else ()
    atoms: list[Atom] = []
    position = 0
    for found in _WILDCARD.finditer(text):
        if found.start() > position:
            atoms.append(text[position : found.start()])
        atoms.append(Wild(found.group()))
        position = found.end()
    if position < len(text):
        atoms.append(text[position:])
    return atoms


@lru_cache(maxsize=4096)
def pattern(text: str) -> Pattern:
    """A pattern with wildcards and no variables."""
    return tuple(atom for atom in _plain(text, True) if not isinstance(atom, Variable))


@lru_cache(maxsize=4096)
def _regex(atoms: Pattern) -> re.Pattern[str]:
    # Atomic groups keep a pattern of many `*` from taking exponential time: the leftmost place of each piece
    # is always good enough, except for the last one, which must end the text.
    pieces = [""]
    for atom in atoms:
        if atom is Wild.MANY:
            pieces.append("")
        else:
            pieces[-1] += "." if isinstance(atom, Wild) else re.escape(atom)
    first, *rest = pieces
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1] if piece)
    last = f".*{rest[-1]}" if rest else ""
    return re.compile(first + middle + last, re.DOTALL)


def matches(atoms: Pattern, text: str) -> bool:
    """Whether the whole text fits the pattern, letter by letter."""
    if len(atoms) == 1 and isinstance(atoms[0], str):
        return atoms[0] == text
    return _regex(atoms).fullmatch(text) is not None


def matches_arn(atoms: Pattern, text: str) -> bool:
    """Whether each of the six colon-separated parts of the ARN fits its own part of the pattern."""
    wanted, sent = _arn_parts(atoms), text.split(":", 5)
    return len(wanted) == len(sent) and all(map(matches, wanted, sent))


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
    """Whether a value that begins in one of these ways and goes on unknown fits: surely, never, or None."""
    return agreed(_matches_beginning(atoms, beginning) for beginning in beginnings)


def _matches_beginning(atoms: Pattern, beginning: str) -> Truth:
    letters: list[str | Wild] = []
    for atom in atoms:
        letters += [atom] if isinstance(atom, Wild) else list(atom)
    if not _reachable(letters, beginning):
        return False
    # A letter that the pattern does not have stands for every letter: the pattern takes all endings if it takes
    # this one at every length up to its own.
    stranger = next(chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in letters)
    accepted = all(len(letters) in _reachable(letters, beginning + stranger * n) for n in range(len(letters) + 2))
    return True if accepted else None


def _reachable(letters: list[str | Wild], text: str) -> set[int]:
    """How far into the pattern one can be after the text (a nondeterministic automaton)."""

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
            wanted = letters[state]
            if wanted is Wild.MANY:
                after.add(state)
            elif wanted is Wild.ONE or wanted == letter:
                after.add(state + 1)
        states = skip_stars(after)
    return states


def lowered(atoms: Pattern) -> Pattern:
    return tuple(atom.lower() if isinstance(atom, str) else atom for atom in atoms)


def joined(atoms: Pattern) -> Pattern:
    """Neighbouring pieces of text in one, so that equal patterns compare equal."""
    result: list[str | Wild] = []
    for atom in atoms:
        if isinstance(atom, str) and result and isinstance(result[-1], str):
            result[-1] += atom
        else:
            result.append(atom)
    return tuple(result)
