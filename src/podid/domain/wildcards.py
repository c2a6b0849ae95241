"""IAM's wildcards: `*` matches any text, `?` any letter. Patterns of ARNs are sets of resources: wildcards stay within
the parts of an ARN, because a table has no colon in its name, whatever `*` would match.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

import re
from enum import Enum
from functools import lru_cache

# longer than the name of any action; longer patterns are not compared
_LONGEST = 200


class Wild(Enum):
    """An active wildcard; a literal `*` or `?` is text."""

    MANY = "*"
    ONE = "?"


Pattern = tuple[str | Wild, ...]
_WILDCARD = re.compile(r"([*?])")
VARIABLE = re.compile(r"\$\{[^}]*\}")


@lru_cache(maxsize=4096)
def pattern(text: str) -> Pattern:
    """Return a pattern with wildcards and without variables."""
    return tuple(Wild(piece) if piece in ("*", "?") else piece for piece in _WILDCARD.split(text) if piece)


@lru_cache(maxsize=4096)
def _regex(atoms: Pattern) -> re.Pattern[str]:
    # atomic groups prevent exponential time for many `*`: the leftmost match of each piece is always sufficient,
    # except for the last piece, which must end the text
    pieces = [""]
    for atom in atoms:
        if atom is Wild.MANY:
            pieces.append("")
        else:
            pieces[-1] += "." if isinstance(atom, Wild) else re.escape(atom)
    first, *following = pieces
    middle = "".join(f"(?>.*?{piece})" for piece in following[:-1] if piece)
    last = f".*{following[-1]}" if following else ""
    return re.compile(first + middle + last, re.DOTALL)


def matches(atoms: Pattern, text: str) -> bool:
    if atoms and isinstance(atoms[0], str):
        if len(atoms) == 1:
            return atoms[0] == text
        if not text.startswith(atoms[0]):
            return False
    return _regex(atoms).fullmatch(text) is not None


def matches_beginning(atoms: Pattern, beginning: str) -> bool | None:
    """Return whether texts that begin so match: all of them, none, or None for some."""
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


def overlap(one: str, other: str) -> bool:
    if _apart(one, other):
        return False
    if max(len(one), len(other)) > _LONGEST:
        return True
    return _compare(one, other, shared=True)


def covers(wide: str, narrow: str) -> bool:
    """Return whether every text that matches `narrow` matches `wide`; False if that is not certain."""
    if wide == "*":
        return True
    if _apart(wide, narrow):
        return False
    if not _WILDCARD.search(narrow):
        return matches(pattern(wide), narrow)
    if max(len(wide), len(narrow)) > _LONGEST:
        return False
    return _compare(wide, narrow, shared=False)


def _apart(one: str, other: str) -> bool:
    """Return whether the patterns differ before their first wildcards, so that no text matches both."""
    shared = min(len(_WILDCARD.split(text, maxsplit=1)[0]) for text in (one, other))
    return one[:shared] != other[:shared]


def _compare(one: str, other: str, *, shared: bool) -> bool:
    """Compare by dynamic programming, one row for each letter of `one`. With `shared`, wildcards of `other` match any
    text; otherwise only a star of `one` covers them."""
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


ANY = "*"


@lru_cache(maxsize=8192)
def overlap_arn(one: str, other: str) -> bool:
    """Return whether a resource matches both."""
    return all(map(overlap, *pair)) if (pair := _parts(one, other)) else overlap(one, other)


@lru_cache(maxsize=8192)
def covers_arn(wide: str, narrow: str) -> bool:
    """Return whether every resource that matches `narrow` matches `wide`; False if that is not certain."""
    if wide == narrow:
        return True
    return all(map(covers, *pair)) if (pair := _parts(wide, narrow)) else covers(wide, narrow)


@lru_cache(maxsize=8192)
def meet(one: str, other: str) -> str:
    """Return the pattern of the resources that match both; empty without any. If neither covers the other, each part of
    an ARN is compared, and a part that cannot be derived stays as in `one`."""
    if covers_arn(one, other):
        return other
    if covers_arn(other, one):
        return one
    if not overlap_arn(one, other):
        return ""
    pair = _parts(one, other)
    return ":".join(b if covers(a, b) else a for a, b in zip(*pair, strict=True)) if pair else one


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


def _parts(one: str, other: str) -> tuple[list[str], list[str]] | None:
    """Return the six parts of each; None if one is not a whole ARN."""
    parts, others = one.split(":", 5), other.split(":", 5)
    return (parts, others) if len(parts) == len(others) == 6 else None


def text_of(atoms: Pattern) -> str:
    return "".join(atom.value if isinstance(atom, Wild) else atom for atom in atoms)
