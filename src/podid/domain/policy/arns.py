"""Patterns of ARNs, as sets of resources: whether one covers another, and which resources both match.

Wildcards stay within the parts of an ARN: a table has no colon in its name, whatever `*` would match.
"""

from functools import lru_cache

from podid.domain import wildcards
from podid.domain.wildcards import Pattern, Wild

ANY = "*"


@lru_cache(maxsize=8192)
def overlap(one: str, other: str) -> bool:
    """Return whether a resource matches both."""
    return all(map(wildcards.overlap, *pair)) if (pair := _parts(one, other)) else wildcards.overlap(one, other)


@lru_cache(maxsize=8192)
def covers(wide: str, narrow: str) -> bool:
    """Return whether every resource that matches `narrow` matches `wide`; False if that is not certain."""
    if wide == narrow:
        return True
    return all(map(wildcards.covers, *pair)) if (pair := _parts(wide, narrow)) else wildcards.covers(wide, narrow)


@lru_cache(maxsize=8192)
def meet(one: str, other: str) -> str:
    """Return the pattern of the resources that match both; empty without any. If neither covers the other, each part of
    an ARN is compared, and a part that cannot be derived stays as in `one`."""
    if covers(one, other):
        return other
    if covers(other, one):
        return one
    if not overlap(one, other):
        return ""
    pair = _parts(one, other)
    return ":".join(b if wildcards.covers(a, b) else a for a, b in zip(*pair, strict=True)) if pair else one


def _parts(one: str, other: str) -> tuple[list[str], list[str]] | None:
    """Return the six parts of each; None if one is not a whole ARN."""
    parts, others = one.split(":", 5), other.split(":", 5)
    return (parts, others) if len(parts) == len(others) == 6 else None


def text_of(atoms: Pattern) -> str:
    return "".join(atom.value if isinstance(atom, Wild) else atom for atom in atoms)
