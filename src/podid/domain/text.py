"""Names inside sentences: which of them was meant, and many of them in little room."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

# a slip of the hand, in difflib's measure of likeness from 0 to 1
ALIKE = 0.6
_PAGE = re.compile(r"\s*<(?:!doctype html|html)\b", re.IGNORECASE)
_URL = re.compile(r"://[^\s\"]+")
_TOKEN = re.compile(
    r"eyJ[\w=-]+(\.[\w=-]+)*|k8s-aws-v1\.[\w=-]+|X-Amz-(Signature|Security-Token)=[^&'\"\s]+"
    # what Python says of a header that it refuses ends with all of it
    r"|(?<=header value ).+"
)


def nearest(typed: str, known: Iterable[str], count: int = 3, alike: float = ALIKE) -> list[str]:
    """At most `count` of the known names that `typed` may have meant, best first; never what was typed itself. Of
    NAMESPACE/NAME each part is alike: a namespace in common makes no other name a slip."""
    return Names(known).nearest(typed, count, alike)


class Names:
    """Names that can be asked again and again which of them is nearest, and measure only those that may be."""

    def __init__(self, names: Iterable[str]) -> None:
        self._bits: dict[tuple[str, int], int] = {}
        self._names = [(name, self._letters(name)) for name in sorted(set(names))]

    def nearest(self, typed: str, count: int = 3, alike: float = ALIKE) -> list[str]:
        from difflib import SequenceMatcher

        # two names share at most the letters that both have: the likely ones come first, and the rest is left out
        letters, length, least = self._letters(typed), len(typed), alike / 2
        candidates = []
        for name, others in self._names:
            shared, both = (letters & others).bit_count(), length + len(name)
            if shared >= least * both and name != typed:
                candidates.append((2 * shared / both, name))
        matcher, best = SequenceMatcher(b=typed), list[tuple[float, str]]()
        for most, name in sorted(candidates, reverse=True):
            if len(best) == count and most < best[-1][0]:
                break
            matcher.set_seq1(name)
            if (likeness := matcher.ratio()) >= alike and _parts_alike(typed, name, alike):
                best = sorted((*best, (likeness, name)), reverse=True)[:count]
        return [name for _, name in best]

    def _letters(self, name: str) -> int:
        """A bit for each letter, for each time that it occurs."""
        counts, letters = Counter[str](), 0
        for letter in name:
            letters |= 1 << self._bits.setdefault((letter, counts[letter]), len(self._bits))
            counts[letter] += 1
        return letters


def _parts_alike(typed: str, name: str, alike: float) -> bool:
    from difflib import SequenceMatcher

    parts, others = typed.split("/"), name.split("/")
    if len(parts) == 1 or len(parts) != len(others):
        return True
    return all(SequenceMatcher(None, b, a).ratio() >= alike for a, b in zip(parts, others, strict=True))


def did_you_mean(typed: str, known: Iterable[str], count: int = 3) -> str:
    """`; did you mean a or b?` to end a sentence with, or nothing."""
    return meant(nearest(typed, known, count))


def meant(names: Iterable[str]) -> str:
    """The same of names that are known to be near."""
    words = " or ".join(names)
    return f"; did you mean {words}?" if words else ""


def needing(reason: str, permission: str) -> str:
    """Why something is not known, with the permission that is missing where the reason does not name it."""
    return f"{reason} (needs {permission})" if permission and permission not in reason else reason


def count_of(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def utc(moment: datetime | None) -> str:
    """`2026-11-24T09:30:00Z`, or `unknown`."""
    return "unknown" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def without_tokens(text: str) -> str:
    """Foreign text without what may be a token or a signature in it: a service may repeat what it refuses, and a log
    what it was given."""
    return _TOKEN.sub("[token]", text)


def is_page(text: str) -> bool:
    """Whether it is HTML: a proxy or a sign-in page answers in a service's place."""
    return _PAGE.match(text) is not None


def plain_urls(text: str) -> str:
    """The text with the URLs in it, but without user, password and query of these."""
    return _URL.sub(_plain, text) if "://" in text else text


def _plain(match: re.Match[str]) -> str:
    address, mark, query = match[0].partition("?")
    shown = "://".join(map(_without_user, address.split("://")))
    kept = query.rstrip("'.,;)")
    return f"{shown}{mark}{'…' if kept else ''}{query[len(kept) :]}"


def _without_user(address: str) -> str:
    authority, slash, path = address.partition("/")
    if "@" in authority:
        return f"{authority.rpartition('@')[2]}{slash}{path}"
    _, colon, port = authority.rpartition(":")
    # a password with a slash that is not quoted
    return path.rpartition("@")[2] if colon and not port.isdigit() and "@" in path else address


def cut(text: str, most: int = 2000) -> str:
    """Foreign text for a sentence, which nobody reads to the end when it is longer."""
    return text if len(text) <= most else f"{text[:most]}…"


def short_list(names: Iterable[str], limit: int = 5) -> str:
    """`a, b and 3 more`."""
    listed = list(names)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more
