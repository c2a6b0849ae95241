"""`podid explain`: from an id, or from a pasted error, to the pages that fit. Offline, and without heavy imports."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from podid.domain.errors import ExitCode, NotFound, Other
from podid.domain.text import nearest
from podid.ops.errortext import Certainty, Hit, excerpt_hits, hits
from podid.pages import Entry
from podid.pages.index import ENTRIES

PAGES = Path(__file__).parent.parent / "pages"
BY_ID: Mapping[str, Entry] = {entry.id: entry for entry in ENTRIES}
MOST = 10

# from here on the one page is shown as if its id had been typed
SURE = 0.85
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*-?")
_LONGEST_NAME = 80
_MOST_WORDS = 8  # of a question; more is an error text


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
    """A page, the known text by which it was found (empty when it was asked for by id), how often the text was there,
    and how sure it is."""

    page: Page
    text: str = ""
    count: int = 1
    certainty: Certainty = Certainty.SURE


@dataclass(frozen=True, slots=True)
class Explanation:
    """`how` is id, prefix, nearest, text or words. The best match comes first; several are to be looked at in order."""

    query: str
    how: str
    matches: tuple[Match, ...]

    @property
    def pages(self) -> tuple[Page, ...]:
        return tuple(match.page for match in self.matches)

    @property
    def certainty(self) -> Certainty:
        """That of the best match."""
        return self.matches[0].certainty

    @property
    def exit_code(self) -> ExitCode:
        """NOT_FOUND where nothing decides between these pages and something that podid knows nothing about."""
        return ExitCode.NOT_FOUND if self.certainty is Certainty.POSSIBLE else ExitCode.OK


def explain(query: str) -> Explanation:
    """The pages for an id, the start of one, an error text or a whole log. NotFound names the nearest ids."""
    text = query.strip()
    if found := _by_name(text.lower()):
        how, name = found
        return Explanation(query, how, (Match(load(name)),))
    by_text = _matches(hits(text))
    if by_text and by_text[0].certainty is not Certainty.POSSIBLE:
        return Explanation(query, "text", by_text)
    if name := _nearest(text.lower()):
        return Explanation(query, "nearest", (Match(load(name)),))
    pieces = _matches(excerpt_hits(text))
    if pieces and pieces[0].certainty is not Certainty.POSSIBLE:
        return Explanation(query, "text", pieces)
    words = search(text)
    if words and words[0].certainty is not Certainty.POSSIBLE:
        return Explanation(query, "words", words)
    for how, matches in (("text", by_text), ("words", words), ("text", pieces)):
        if matches:
            return Explanation(query, how, matches)
    near = nearest(text.lower()[:_LONGEST_NAME], BY_ID, 5)
    advice = f"the nearest ids are {', '.join(near)}" if near else "paste the line of the log that holds the error"
    shown = text.splitlines()[0][:_LONGEST_NAME] if text else ""
    raise NotFound(
        f"no page explains {shown!r}", hint=Other(("explain",), flags=("--list",)), subject=shown, advice=advice
    )


def list_pages() -> tuple[Entry, ...]:
    """Every failure mode, along the chain, and for each link the most frequent first."""
    return tuple(sorted(ENTRIES, key=lambda entry: entry.link))


@cache
def load(page_id: str) -> Page:
    """KeyError for an id that is not in the index."""
    document = (PAGES / f"{page_id}.md").read_text(encoding="utf-8")
    _, _, body = document.split("---\n", 2)
    return Page(BY_ID[page_id], body.strip() + "\n")


def search(text: str) -> tuple[Match, ...]:
    """Pages that hold every word of a short question, those with the words in id or title first, and only these are
    likely."""
    words = set(re.findall(r"[a-z0-9][a-z0-9:.-]{2,}", text.lower()))
    if not words or len(words) > _MOST_WORDS:
        return ()
    found: dict[str, int] = defaultdict(int)
    for entry in ENTRIES:
        page = load(entry.id)
        title, body = f"{page.id} {entry.title}".lower(), page.body.lower()
        if all(word in body for word in words):
            found[entry.id] = sum(word in title for word in words)
    ordered = sorted(found, key=lambda page_id: -found[page_id])
    return tuple(
        Match(load(item), certainty=Certainty.LIKELY if found[item] == len(words) else Certainty.POSSIBLE)
        for item in ordered[:MOST]
    )


def _matches(hits: Iterable[Hit]) -> tuple[Match, ...]:
    return tuple(Match(load(hit.id), hit.text, hit.count, hit.certainty) for hit in tuple(hits)[:MOST])


def _by_name(name: str) -> tuple[str, str] | None:
    if name in BY_ID:
        return "id", name
    if not _ID.fullmatch(name):
        return None
    starts = [known for known in BY_ID if known.startswith(name)]
    return ("prefix", starts[0]) if len(starts) == 1 else None


def _nearest(name: str) -> str:
    """The one id that a slip of the hand turned into `name`; empty when there is none, or more than one."""
    near = nearest(name, BY_ID, 2, SURE) if len(name) <= _LONGEST_NAME and _ID.fullmatch(name) else []
    return near[0] if len(near) == 1 else ""
