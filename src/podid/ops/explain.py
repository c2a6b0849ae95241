"""`podid explain`: find the pages for an id or an error text. Offline, and without heavy imports."""

import re
from dataclasses import dataclass

from podid.domain.errors import ExitCode, NotFound, Other
from podid.domain.text import nearest
from podid.ops.errortext import BY_ID, Certainty, Match, excerpt_hits, hits
from podid.pages import Entry
from podid.pages.index import ENTRIES

MOST = 10

# similarity from which a page is shown as if its id had been typed
SURE = 0.85
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*-?")
_LONGEST_NAME = 80
_MOST_WORDS = 8  # of a question; more is an error text


@dataclass(frozen=True, slots=True)
class Explanation:
    """`how` is id, prefix, nearest, text or words. The best match comes first."""

    query: str
    how: str
    matches: tuple[Match, ...]

    @property
    def certainty(self) -> Certainty:
        return self.matches[0].certainty

    @property
    def exit_code(self) -> ExitCode:
        """Return NOT_FOUND if the cause may be outside of Pod Identity."""
        return ExitCode.NOT_FOUND if self.certainty is Certainty.POSSIBLE else ExitCode.OK


def explain(query: str) -> Explanation:
    """Return the pages for an id, its beginning, an error text or a whole log. Raise NotFound with the nearest ids."""
    text = query.strip()
    if named := _by_name(text.lower()):
        how, name = named
        return Explanation(query, how, (Match(name),))
    by_text = hits(text)[:MOST]
    if by_text and by_text[0].certainty is not Certainty.POSSIBLE:
        return Explanation(query, "text", by_text)
    if name := _nearest(text.lower()):
        return Explanation(query, "nearest", (Match(name),))
    pieces = excerpt_hits(text)[:MOST]
    if pieces and pieces[0].certainty is not Certainty.POSSIBLE:
        return Explanation(query, "text", pieces)
    words = search(text)
    if words and words[0].certainty is not Certainty.POSSIBLE:
        return Explanation(query, "words", words)
    for how, matches in (("text", by_text), ("words", words), ("text", pieces)):
        if matches:
            return Explanation(query, how, matches)
    near = nearest(text.lower()[:_LONGEST_NAME], BY_ID, 5)
    advice = f"the nearest ids are {', '.join(near)}" if near else "paste the line of the log that contains the error"
    shown = text.splitlines()[0][:_LONGEST_NAME] if text else ""
    raise NotFound(
        f"no page explains {shown!r}", hint=Other(("explain",), flags=("--list",)), subject=shown, advice=advice
    )


def list_pages() -> tuple[Entry, ...]:
    """Return every failure mode, by link, and within a link the most frequent first."""
    return tuple(sorted(ENTRIES, key=lambda entry: entry.link))


def search(text: str) -> tuple[Match, ...]:
    """Return the pages that contain every word of a short question. Those with all words in id or title come first and
    are likely; the others are possible."""
    words = set(re.findall(r"[a-z0-9][a-z0-9:.-]{2,}", text.lower()))
    if not words or len(words) > _MOST_WORDS:
        return ()
    in_title: dict[str, int] = {}
    for entry in ENTRIES:
        title, body = f"{entry.id} {entry.title}".lower(), entry.body.lower()
        if all(word in body for word in words):
            in_title[entry.id] = sum(word in title for word in words)
    return tuple(
        Match(item, certainty=Certainty.LIKELY if in_title[item] == len(words) else Certainty.POSSIBLE)
        for item in sorted(in_title, key=lambda page_id: -in_title[page_id])[:MOST]
    )


def _by_name(name: str) -> tuple[str, str] | None:
    if name in BY_ID:
        return "id", name
    if not _ID.fullmatch(name):
        return None
    starts = [known for known in BY_ID if known.startswith(name)]
    return ("prefix", starts[0]) if len(starts) == 1 else None


def _nearest(name: str) -> str:
    """Return the only id that `name` may be a misspelling of; empty if there is none, or more than one."""
    near = nearest(name, BY_ID, 2, SURE) if len(name) <= _LONGEST_NAME and _ID.fullmatch(name) else []
    return near[0] if len(near) == 1 else ""
