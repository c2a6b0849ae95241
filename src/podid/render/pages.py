"""Failure modes explained, and the list of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Literal

from podid.domain.findings import FixClass, Severity, link_words
from podid.domain.members import FLAT, OR_NULL, About, BrokenLink, Document, From, Names, list_of
from podid.domain.text import count_of
from podid.ops.errortext import Certainty, Match, known_texts
from podid.ops.explain import Explanation, list_pages
from podid.pages import Entry
from podid.render.view import Column, Table, View, document, table_of

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


def explanation_view(explanation: Explanation) -> View:
    """The best page whole, the next ones by name; only names where nothing decides."""
    first, *rest = explanation.matches
    if explanation.certainty is Certainty.POSSIBLE:
        lines = [_UNDECIDED, "", *_names(explanation.matches)]
    else:
        entry = first.entry
        link = f", link {link_words(entry.link)}" if entry.link else ""
        lines = [f"{entry.id} ({entry.severity}{link})", "", *entry.body.splitlines()]
        if first.count > 1 or any(match.count > 1 for match in rest):
            counts = (f"- {count_of(match.count, 'time')} `{match.id}`" for match in explanation.matches)
            lines = [*islice(counts, _MOST_NAMED), "", *lines]
        if rest:
            lines += ["", "It could also be:", "", *_names(rest)]
    entries = [match.entry for match in explanation.matches]
    body, names = document(ExplanationDocument, explanation), tuple(entry.id for entry in entries)
    return View(body, (_entry_table(entries),), names, tuple(lines), markdown=True)


def _names(matches: Sequence[Match]) -> list[str]:
    return [f"- `podid explain {match.id}` {match.entry.title}" for match in matches[:_MOST_NAMED]]


def page_list_view(entries: Iterable[Entry]) -> View:
    shown = tuple(entries)
    return View(document(PageListDocument, items=shown), (_entry_table(shown),), tuple(item.id for item in shown))


def _entry_table(entries: Sequence[Entry]) -> Table:
    return table_of(
        entries,
        ("ID", "id"),
        (Column("SEVERITY", folds=2), "severity"),
        (Column("LINK", folds=1), lambda entry: link_words(entry.link)),
        (Column("TITLE", prose=True), "title"),
        (Column("FIX", wide=True), lambda entry: _FIXED[FixClass(entry.fix)]),
    )


def failures_view(states: Mapping[str, tuple[FailureState, str]]) -> View:
    """Failure modes by id, each with its state and whom it is about ("" for nobody), along the chain."""
    items = [SandboxFailure(entry, *states[entry.id]) for entry in list_pages() if entry.id in states]
    table = table_of(
        items,
        ("ID", "entry.id"),
        (Column("LINK", folds=2), lambda item: link_words(item.entry.link)),
        (Column("STATE", folds=2), "state"),
        (Column("SUBJECT", folds=1), "subject"),
        (Column("TITLE", prose=True), "entry.title"),
    )
    return View(document(SandboxFailureListDocument, items=items), (table,), tuple(item.entry.id for item in items))


# --- documents --------------------------------------------------------------------------------------------------------


class PageEntryBody(Document):
    id: str
    severity: Severity
    link: BrokenLink
    fix: FixClass


class PageBody(Document):
    entry: Annotated[PageEntryBody, FLAT]
    title: Annotated[str, From("entry.title")]
    certainty: Certainty
    matched: Annotated[
        str, OR_NULL, From("text"), About("The known text that was found; null when asked for by id or words.")
    ]
    count: Annotated[int, About("How many times a log holds it.")]
    texts: Annotated[Names, From(lambda match: known_texts(match.id))]
    body: Annotated[str, From("entry.body"), About("The page, in Markdown.")]


class ExplanationDocument(Document, kind="Explanation"):
    """`podid explain`, the best match first."""

    query: str
    how: Annotated[str, About("How the pages were found.")]
    certainty: Annotated[Certainty, About("That of the first item; possible ends with exit 5.")]
    items: Annotated[Sequence[PageBody], From("matches")]


PageListDocument = list_of("PageList", PageEntryBody, "`podid explain --list`.")


@dataclass(frozen=True, slots=True)
class SandboxFailure:
    """A failure mode of the sandbox; `subject` is empty where it is not in place."""

    entry: Entry
    state: FailureState
    subject: str


class SandboxFailureBody(Document):
    id: Annotated[str, From("entry.id"), About("As `podid explain` names it.")]
    title: Annotated[str, From("entry.title")]
    severity: Annotated[Severity, From("entry.severity")]
    link: Annotated[int, From("entry.link"), About("Of the way to credentials; 0 is podid's own access.")]
    state: Annotated[FailureState, About("possible: it can be put in place.")]
    subject: Annotated[str, OR_NULL, About("Whom it is about; null where it is not in place.")]


SandboxFailureListDocument = list_of("SandboxFailureList", SandboxFailureBody, "`podid sandbox break` and `heal`.")
