"""Names inside sentences: which of them was meant, and many of them in little room."""

from collections.abc import Iterable

# a slip of the hand, in difflib's measure of likeness from 0 to 1
ALIKE = 0.6


def nearest(typed: str, known: Iterable[str], count: int = 3, alike: float = ALIKE) -> list[str]:
    """At most `count` of the known names that `typed` may have meant, best first; never what was typed itself."""
    from difflib import get_close_matches

    return get_close_matches(typed, sorted(set(known) - {typed}), n=count, cutoff=alike)


def did_you_mean(typed: str, known: Iterable[str], count: int = 3) -> str:
    """`; did you mean a or b?` to end a sentence with, or nothing."""
    near = nearest(typed, known, count)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def count_of(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def cut(text: str, most: int = 2000) -> str:
    """Foreign text for a sentence, which nobody reads to the end when it is longer."""
    return text if len(text) <= most else f"{text[:most]}…"


def short_list(names: Iterable[str], limit: int = 5) -> str:
    """`a, b and 3 more`."""
    found = list(names)
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return ", ".join(found[:limit]) + more
