"""IAM's wildcards: `*` is any text, `?` any letter.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

import re
from enum import Enum
from functools import lru_cache

# longer than any action's name; nothing is proved of such a pattern
_LONGEST = 200


class Wild(Enum):
    """A wildcard that is active; a literal `*` or `?` is plain text."""

    MANY = "*"
    ONE = "?"


Pattern = tuple[str | Wild, ...]
_WILDCARD = re.compile(r"([*?])")


@lru_cache(maxsize=4096)
def pattern(text: str) -> Pattern:
    """A pattern with wildcards and no variables."""
    return tuple(Wild(piece) if piece in ("*", "?") else piece for piece in _WILDCARD.split(text) if piece)


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
