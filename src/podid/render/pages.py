"""Failure modes explained, and the list of them."""

from collections.abc import Iterable

from podid.ops.explain import Explanation, Match, Page
from podid.pages.entry import Entry
from podid.render.view import Column, Document, Json, Table, View, document

_MOST_NAMED = 5


def explanation_view(found: Explanation) -> View:
    """The best page whole, the next ones by name."""
    items: list[Json] = [_body(match) for match in found.matches]
    first, *rest = found.matches
    text = _page(first.page)
    if rest:
        names = "\n".join(
            f"  podid explain {match.page.id}    {match.page.entry.title}" for match in rest[:_MOST_NAMED]
        )
        text += f"\nIt could also be:\n{names}\n"
    body: Document = {"query": found.query, "how": found.how, "items": items}
    return View(document("Explanation", body), text=text, names=tuple(match.page.id for match in found.matches))


def _page(page: Page) -> str:
    entry = page.entry
    link = f", link {entry.link}" if entry.link else ""
    return f"{entry.id} ({entry.severity}{link})\n\n{page.body}"


def _body(match: Match) -> Document:
    entry = match.page.entry
    return {
        "id": entry.id,
        "title": entry.title,
        "severity": entry.severity,
        "link": entry.link or None,
        "fix": entry.fix,
        "texts": list(entry.texts),
        "body": match.page.body,
    }


def page_list_view(entries: Iterable[Entry]) -> View:
    found = tuple(entries)
    items: list[Json] = [
        {"id": item.id, "severity": item.severity, "link": item.link or None, "fix": item.fix} for item in found
    ]
    columns = (Column("ID"), Column("SEVERITY"), Column("LINK", right=True), Column("FIX"))
    rows = tuple((item.id, item.severity, str(item.link or "-"), item.fix) for item in found)
    return View(document("PageList", {"items": items}), (Table(columns, rows),), tuple(item.id for item in found))
