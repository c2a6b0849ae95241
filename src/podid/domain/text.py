"""Text for sentences: suggestions for misspelled names, short lists, redaction."""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

# similarity of a typing error, in difflib's ratio from 0 to 1
ALIKE = 0.6
_PAGE = re.compile(r"\s*<(?:!doctype html|html)\b", re.IGNORECASE)
_URL = re.compile(r"://[^\s\"]+")
_TOKEN = re.compile(
    r"eyJ[\w=-]+(\.[\w=-]+)*|k8s-aws-v1\.[\w=-]+|X-Amz-(Signature|Security-Token)=[^&'\"\s]+"
    # Python's error for an invalid header ends with the whole header
    r"|(?<=header value ).+"
)


def nearest(typed: str, known: Iterable[str], count: int = 3, alike: float = ALIKE) -> list[str]:
    """Return at most `count` known names that are similar to `typed`, best first, without `typed` itself. Of
    NAMESPACE/NAME each part must be similar."""
    return Names(known).nearest(typed, count, alike)


class Names:
    """Names to search repeatedly for similar ones, with a fast filter before the comparison."""

    def __init__(self, names: Iterable[str]) -> None:
        self._bits: dict[tuple[str, int], int] = {}
        self._names = [(name, self._letters(name)) for name in sorted(set(names))]

    def nearest(self, typed: str, count: int = 3, alike: float = ALIKE) -> list[str]:
        from difflib import SequenceMatcher

        # the common letters are an upper limit of the similarity: compare the likely names first, and skip the others
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
        """Return one bit for each occurrence of each letter."""
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
    """Return `; did you mean a or b?` for the end of a sentence, or nothing."""
    return meant(nearest(typed, known, count))


def no_namespace(name: str, known: Iterable[str]) -> str:
    """Return the message that a namespace is missing. The known ones omit namespaces that are being deleted."""
    return f"Namespace {name} does not exist{did_you_mean(name, known) or ' or is being deleted'}"


def meant(names: Iterable[str]) -> str:
    """Return `; did you mean …?` for these names."""
    words = " or ".join(names)
    return f"; did you mean {words}?" if words else ""


def needing(reason: str, permission: str) -> str:
    """Return the reason, with the missing permission if the reason does not name it."""
    return f"{reason} (needs {permission})" if permission and permission not in reason else reason


def camel(name: str) -> str:
    """Return the name of a Python attribute in camelCase; without a final underscore."""
    first, *others = name.rstrip("_").split("_")
    return first + "".join(map(str.capitalize, others))


def count_of(number: int, noun: str) -> str:
    """Return `1 pod`, `2 pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def utc(moment: datetime | None) -> str:
    """Return `2026-11-24T09:30:00Z`, or `unknown`."""
    return "unknown" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def without_tokens(text: str) -> str:
    """Redact tokens and signatures in foreign text: errors of services and logs may quote them."""
    return _TOKEN.sub("[token]", text)


def is_page(text: str) -> bool:
    """Return whether the text is HTML, from a proxy or a sign-in page instead of the service."""
    return _PAGE.match(text) is not None


def plain_urls(text: str) -> str:
    """Return the text with its URLs, but without their user, password and query."""
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
    # a password that contains an unquoted slash
    return path.rpartition("@")[2] if colon and not port.isdigit() and "@" in path else address


def cut(text: str, most: int = 2000) -> str:
    """Shorten foreign text for a sentence."""
    return text if len(text) <= most else f"{text[:most]}…"


def short_list(names: Iterable[str], limit: int = 5) -> str:
    """Return `a, b and 3 more`."""
    listed = list(names)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more
