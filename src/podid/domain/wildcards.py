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
    first, *rest = pieces
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1] if piece)
    last = f".*{rest[-1]}" if rest else ""
    return re.compile(first + middle + last, re.DOTALL)


def matches(atoms: Pattern, text: str) -> bool:
    """Return whether the whole text matches the pattern."""
    if len(atoms) == 1 and isinstance(atoms[0], str):
        return atoms[0] == text
    return _regex(atoms).fullmatch(text) is not None


def overlap(one: str, other: str) -> bool:
    """Return whether some text matches both patterns."""
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


# --- patterns of ARNs -------------------------------------------------------------------------------------------------

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


def _parts(one: str, other: str) -> tuple[list[str], list[str]] | None:
    """Return the six parts of each; None if one is not a whole ARN."""
    parts, others = one.split(":", 5), other.split(":", 5)
    return (parts, others) if len(parts) == len(others) == 6 else None


def text_of(atoms: Pattern) -> str:
    return "".join(atom.value if isinstance(atom, Wild) else atom for atom in atoms)
