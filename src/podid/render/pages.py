"""Failure modes explained, and the list of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from podid.domain.findings import FixClass, Severity
from podid.domain.links import link_words
from podid.ops.explain import Explanation, Page
from podid.pages.entry import Entry
from podid.render.view import Column, Table, View, document

if TYPE_CHECKING:
    from podid.render.documents import reports as documents

_MOST_NAMED = 5


def explanation_view(found: Explanation) -> View:
    """The best page whole, the next ones by name."""
    first, *rest = found.matches
    text = _page(first.page)
    if rest:
        names = "\n".join(
            f"  podid explain {match.page.id}    {match.page.entry.title}" for match in rest[:_MOST_NAMED]
        )
        text += f"\nIt could also be:\n{names}\n"
    body: documents.ExplanationDocument = {
        "kind": "Explanation",
        "query": found.query,
        "how": found.how,
        "items": [_page_body(match.page) for match in found.matches],
    }
    entries = [match.page.entry for match in found.matches]
    return View(document(body), (_entry_table(entries),), tuple(entry.id for entry in entries), text, markdown=True)


def _page(page: Page) -> str:
    entry = page.entry
    link = f", link {link_words(entry.link)}" if entry.link else ""
    return f"{entry.id} ({entry.severity}{link})\n\n{page.body}"


def _entry_body(entry: Entry) -> documents.PageEntryBody:
    return {
        "id": entry.id,
        "severity": Severity(entry.severity),
        "link": entry.link or None,
        "fix": FixClass(entry.fix),
    }


def _page_body(page: Page) -> documents.PageBody:
    return {**_entry_body(page.entry), "title": page.entry.title, "texts": page.entry.texts, "body": page.body}


def page_list_view(entries: Iterable[Entry]) -> View:
    found = tuple(entries)
    body: documents.PageListDocument = {
        "kind": "PageList",
        "items": [_entry_body(item) for item in found],
    }
    return View(document(body), (_entry_table(found),), tuple(item.id for item in found))


def _entry_table(entries: Iterable[Entry]) -> Table:
    titles = (
        Column("ID"),
        Column("SEVERITY", folds=2),
        Column("LINK", folds=1),
        Column("TITLE", prose=True),
        Column("FIX", wide=True),
    )
    rows = ((item.id, item.severity, link_words(item.link), item.title, item.fix) for item in entries)
    return Table(titles, tuple(rows))
