"""`podid explain`: from an id, or from a pasted error, to the pages that fit. Offline, and without heavy imports."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from podid.domain.errors import NotFound
from podid.domain.words import nearest
from podid.pages.entry import Entry
from podid.pages.index import ENTRIES
from podid.pages.texts import SHARED

PAGES = Path(__file__).parent.parent / "pages"
BY_ID: Mapping[str, Entry] = {entry.id: entry for entry in ENTRIES}
MOST = 10

# from here on the one page is shown as if its id had been typed
SURE = 0.85
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*-?")
# typographic quotes, as chat programs make them
_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "`": "'"})
_SHORTEST_EXCERPT = 8  # letters: less of an error text would fit half of the pages


@dataclass(frozen=True, slots=True)
class Page:
    """One failure mode. `body` is Markdown from its title on."""

    entry: Entry
    body: str

    @property
    def id(self) -> str:
        return self.entry.id


@dataclass(frozen=True, slots=True)
class Match:
    """A page, and the known text by which it was found (empty when it was asked for by id)."""

    page: Page
    text: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """`how` is id, prefix, nearest, text or words. The best match comes first; several are to be looked at in order."""

    query: str
    how: str
    matches: tuple[Match, ...]

    @property
    def pages(self) -> tuple[Page, ...]:
        return tuple(match.page for match in self.matches)


def explain(query: str) -> Explanation:
    """The pages for an id, the start of one, an error text or a whole log excerpt. NotFound names the nearest ids."""
    wanted = query.strip()
    if found := _by_name(wanted.lower()):
        how, name = found
        return Explanation(query, how, (Match(load(name)),))
    if matches := _by_text(normalise(wanted)):
        return Explanation(query, "text", matches)
    if name := _nearest(wanted.lower()):
        return Explanation(query, "nearest", (Match(load(name)),))
    if matches := _by_excerpt(normalise(wanted)):
        return Explanation(query, "text", matches)
    if matches := _by_words(wanted):
        return Explanation(query, "words", matches)
    near = nearest(wanted.lower(), BY_ID, 5)
    advice = f"the nearest ids are {', '.join(near)}" if near else "paste the line of the log that holds the error"
    shown = wanted.splitlines()[0][:80] if wanted else ""
    raise NotFound(f"no page explains {shown!r}", hint=("podid", "explain", "--list"), subject=shown, advice=advice)


def list_pages() -> tuple[Entry, ...]:
    """Every failure mode, most frequent first."""
    return ENTRIES


@cache
def load(page_id: str) -> Page:
    """KeyError for an id that is not in the index."""
    document = (PAGES / f"{page_id}.md").read_text(encoding="utf-8")
    _, _, body = document.split("---\n", 2)
    return Page(BY_ID[page_id], body.strip() + "\n")


def normalise(text: str) -> str:
    """Lower case, plain quotes, one blank between words, and the backslashes of logged JSON gone."""
    plain = text.translate(_QUOTES).replace("\\n", " ").replace("\\t", " ").replace('\\"', '"')
    return " ".join(plain.lower().split())


def _by_name(name: str) -> tuple[str, str] | None:
    if name in BY_ID:
        return "id", name
    if not _ID.fullmatch(name):
        return None
    starts = [known for known in BY_ID if known.startswith(name)]
    return ("prefix", starts[0]) if len(starts) == 1 else None


def _nearest(name: str) -> str:
    """The one id that a slip of the hand turned into `name`; empty when there is none, or more than one."""
    near = nearest(name, BY_ID, 2, SURE) if _ID.fullmatch(name) else []
    return near[0] if len(near) == 1 else ""


@cache
def _rules() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """(fragments, ids): the texts that pages share, then what each has alone."""
    own = [
        (tuple(part for part in normalise(text).replace("…", "\n").split("\n") if part.strip()), (entry.id,))
        for entry in ENTRIES
        for text in entry.texts
    ]
    return (*SHARED, *own)


def _by_text(text: str) -> tuple[Match, ...]:
    """By how much of the text the rules know: the longest fragments first, then the order that a rule gives."""
    hits: list[tuple[int, str, tuple[str, ...]]] = []
    for fragments, ids in _rules():
        if _holds(text, fragments):
            hits.append((sum(map(len, fragments)), " … ".join(fragments), ids))
    return _ranked(hits)


def _by_excerpt(text: str) -> tuple[Match, ...]:
    """The query is itself a piece of a known text."""
    if len(text) < _SHORTEST_EXCERPT:
        return ()
    return _ranked(
        (len(text), " … ".join(fragments), ids)
        for fragments, ids in _rules()
        if any(text in fragment for fragment in fragments)
    )


def _holds(text: str, fragments: Iterable[str]) -> bool:
    return all(fragment.strip() in text for fragment in fragments)


def _ranked(hits: Iterable[tuple[int, str, tuple[str, ...]]]) -> tuple[Match, ...]:
    found: dict[str, tuple[tuple[int, int], str]] = {}
    for length, shown, ids in hits:
        for place, page_id in enumerate(ids):
            rank = (-length, place)
            if page_id not in found or rank < found[page_id][0]:
                found[page_id] = (rank, shown)
    ordered = sorted(found, key=lambda page_id: found[page_id][0])
    return tuple(Match(load(page_id), found[page_id][1]) for page_id in ordered[:MOST])


def _by_words(text: str) -> tuple[Match, ...]:
    """Pages that hold every word of a short question, those with the words in their title first."""
    words = set(re.findall(r"[a-z0-9][a-z0-9:.-]{2,}", text.lower()))
    if not words or len(words) > 8:
        return ()
    found: dict[str, int] = defaultdict(int)
    for entry in ENTRIES:
        page = load(entry.id)
        title, body = f"{page.id} {entry.title}".lower(), page.body.lower()
        if all(word in body for word in words):
            found[entry.id] = sum(word in title for word in words)
    ordered = sorted(found, key=lambda page_id: -found[page_id])
    return tuple(Match(load(page_id)) for page_id in ordered[:MOST])
