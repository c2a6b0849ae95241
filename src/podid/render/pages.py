"""Failure modes explained, and the list of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from podid.domain.findings import FixClass, Severity, link_words
from podid.domain.text import count_of
from podid.ops.errortext import Certainty, known_texts
from podid.ops.explain import Explanation, Match, Page, list_pages
from podid.pages.entry import Entry
from podid.render.view import Column, Table, View, document

if TYPE_CHECKING:
    from podid.render.documents import reports as documents
    from podid.render.documents import tool as tool_documents

FailureState = Literal["possible", "in place", "healed"]
# the classes of fixes for a reader; documents keep the codes
_FIXED = {
    FixClass.ASK: "doctor --fix",
    FixClass.GRANT: "doctor --fix-id",
    FixClass.DELETE: "doctor --fix-id",
    FixClass.PRINT: "by hand",
    FixClass.NONE: "nothing to fix",
}
_MOST_NAMED = 5
_UNDECIDED = "Nothing in this text decides what it means. If a pod of an association prints it:"


def explanation_view(found: Explanation) -> View:
    """The best page whole, the next ones by name; only names where nothing decides."""
    first, *rest = found.matches
    if found.certainty is Certainty.POSSIBLE:
        lines = [_UNDECIDED, "", *_names(found.matches)]
    else:
        lines = _page(first.page)
        if first.count > 1 or any(match.count > 1 for match in rest):
            lines = [*_counts(found.matches), "", *lines]
        if rest:
            lines += ["", "It could also be:", "", *_names(rest)]
    body: documents.ExplanationDocument = {
        "kind": "Explanation",
        "query": found.query,
        "how": found.how,
        "certainty": found.certainty,
        "items": [_match_body(match) for match in found.matches],
    }
    entries = [match.page.entry for match in found.matches]
    return View(
        document(body), (_entry_table(entries),), tuple(entry.id for entry in entries), tuple(lines), markdown=True
    )


def _names(matches: Sequence[Match]) -> list[str]:
    return [f"- `podid explain {match.page.id}` {match.page.entry.title}" for match in matches[:_MOST_NAMED]]


def _counts(matches: Sequence[Match]) -> list[str]:
    """How often each was in a log, one a line."""
    return [f"- {count_of(match.count, 'time')} `{match.page.id}`" for match in matches[:_MOST_NAMED]]


def _page(page: Page) -> list[str]:
    entry = page.entry
    link = f", link {link_words(entry.link)}" if entry.link else ""
    return [f"{entry.id} ({entry.severity}{link})", "", *page.body.splitlines()]


def _entry_body(entry: Entry) -> documents.PageEntryBody:
    return {
        "id": entry.id,
        "severity": Severity(entry.severity),
        "link": entry.link or None,
        "fix": FixClass(entry.fix),
    }


def _match_body(match: Match) -> documents.PageBody:
    page = match.page
    return {
        **_entry_body(page.entry),
        "title": page.entry.title,
        "certainty": match.certainty,
        "matched": match.text or None,
        "count": match.count,
        "texts": known_texts(page.id),
        "body": page.body,
    }


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
    rows = ((item.id, item.severity, link_words(item.link), item.title, _FIXED[FixClass(item.fix)]) for item in entries)
    return Table(titles, tuple(rows))


def failures_view(found: Mapping[str, tuple[FailureState, str]]) -> View:
    """Failure modes by id, each with its state and whom it is about ("" for nobody), along the chain."""
    entries = (entry for entry in list_pages() if entry.id in found)
    items: list[tool_documents.SandboxFailureBody] = [
        {
            "id": entry.id,
            "title": entry.title,
            "severity": Severity(entry.severity),
            "link": entry.link,
            "state": found[entry.id][0],
            "subject": found[entry.id][1] or None,
        }
        for entry in entries
    ]
    body: tool_documents.SandboxFailureListDocument = {"kind": "SandboxFailureList", "items": items}
    columns = (
        *(Column("ID"), Column("LINK", folds=2), Column("STATE", folds=2), Column("SUBJECT", folds=1)),
        Column("TITLE", prose=True),
    )
    rows = ((i["id"], link_words(i["link"]), i["state"], i["subject"] or "", i["title"]) for i in items)
    return View(document(body), (Table(columns, tuple(rows)),), tuple(item["id"] for item in items))
