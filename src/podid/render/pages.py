"""Explanations of failure modes, and their list."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from podid.domain.findings import FixClass, Severity, link_words
from podid.domain.members import FLAT, OR_NULL, About, BrokenLink, Document, From, Names, list_of
from podid.domain.text import count_of
from podid.ops.errortext import Certainty, Match, known_texts
from podid.ops.explain import Explanation, list_pages
from podid.pages import Entry
from podid.render.view import Column, Line, Table, View, document, table_of

FailureState = Literal["possible", "in place", "healed"]
# classes of fixes for a person; documents have the codes
_FIXED = {
    FixClass.ASK: "doctor --fix",
    FixClass.GRANT: "doctor --fix-id",
    FixClass.DELETE: "doctor --fix-id",
    FixClass.PRINT: "by hand",
    FixClass.NONE: "nothing to fix",
}
_MOST_NAMED = 5
# columns of a page: longer lines are hard to read
WIDEST = 100
_HEADING = re.compile(r"#+ (.+)")
_LINK = re.compile(r"\[([^\]]*)\]\((\S+)\)")
# an address of a source, which is copied
_SOURCE = re.compile(r"- (?:\[[^\]]*\]\((\S+)\)|<(\S+)>)$")
_UNDECIDED = "The text alone does not identify a failure. If a pod with an association prints it, it could be:"


def explanation_view(explanation: Explanation) -> View:
    """Return the best page and the names of the next; only names if no page is certain."""
    first, *others = explanation.matches
    lines: list[str | Line]
    if explanation.certainty is Certainty.POSSIBLE:
        lines = [_UNDECIDED, *_names(explanation.matches)]
    else:
        lines = _page_lines(first.entry)
        if first.count > 1 or any(match.count > 1 for match in others):
            counts = [f"{count_of(match.count, 'time')}  {match.id}" for match in explanation.matches]
            lines = [*counts[:_MOST_NAMED], "", *lines]
        if others:
            lines += ["", Line("It could also be", "head"), *_names(others)]
    entries = [match.entry for match in explanation.matches]
    body, names = document(ExplanationDocument, explanation), tuple(entry.id for entry in entries)
    return View(body, (_entry_table(entries),), names, tuple(lines), exact=True, widest=WIDEST)


def _names(matches: Sequence[Match]) -> list[str | Line]:
    return [
        line
        for match in matches[:_MOST_NAMED]
        for line in (f"  {match.entry.title}", Line(f"    podid explain {match.id}", code=True))
    ]


def _page_lines(entry: Entry) -> list[str | Line]:
    """Return the page without its Markdown: headings, sentences below them, and code as it is."""
    link = f", link {link_words(entry.link)}" if entry.link else ""
    lines = [Line(entry.title, "head"), Line(f"{entry.id}, {entry.severity}{link}", "dim")]
    code = False
    for text in entry.body.splitlines()[1:]:  # the first line is the title
        if text.startswith("```"):
            code = not code
        elif code:
            lines.append(Line(f"    {text}".rstrip(), code=True))
        elif heading := _HEADING.match(text):
            lines.append(Line(heading[1], "head"))
        elif source := _SOURCE.match(text):
            lines.append(Line(f"  {source[1] or source[2]}", "dim", code=True))
        elif text or lines[-1].style != "head":
            indent = len(text) - len(text.lstrip()) + 2
            hang = indent + 2 if text.lstrip().startswith("- ") else indent
            # without backquotes, stars and brackets of links
            plain = _LINK.sub(r"\1 (\2)", re.sub(r"`|\*\*", "", text))
            lines.append(Line(f"{'  ' if text else ''}{plain}", hang=hang))
    return list(lines)


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
    """Return the failure modes in the order of the links, each with its state and its subject, if any."""
    items = [
        SandboxFailure(entry.id, entry.title, Severity(entry.severity), entry.link, *states[entry.id])
        for entry in list_pages()
        if entry.id in states
    ]
    table = table_of(
        items,
        ("ID", "id"),
        (Column("LINK", folds=2), lambda item: link_words(item.link)),
        (Column("STATE", folds=2), "state"),
        (Column("SUBJECT", folds=1), "subject"),
        (Column("TITLE", prose=True), "title"),
    )
    return View(document(SandboxFailureListDocument, items=items), (table,), tuple(item.id for item in items))


class PageEntryBody(Document):
    id: str
    severity: Severity
    link: BrokenLink
    fix: FixClass


class PageBody(Document):
    entry: Annotated[PageEntryBody, FLAT]
    title: Annotated[str, From("entry.title")]
    certainty: Certainty
    matched: Annotated[str, OR_NULL, From("text"), About("The known text that matches; null for an id or words.")]
    count: Annotated[int, About("The number of times that the log contains it.")]
    texts: Annotated[Names, From(lambda match: known_texts(match.id))]
    body: Annotated[str, From("entry.body"), About("The page in Markdown.")]


class ExplanationDocument(Document, kind="Explanation"):
    """`podid explain`, the best match first."""

    query: str
    how: Annotated[str, About("The type of the search that found the pages.")]
    certainty: Annotated[Certainty, About("The certainty of the first item; with `possible` the exit code is 5.")]
    items: Annotated[Sequence[PageBody], From("matches")]


PageListDocument = list_of("PageList", PageEntryBody, "`podid explain --list`.")


@dataclass(frozen=True, slots=True)
class SandboxFailure:
    """A failure mode of the sandbox; `subject` is empty unless it is in place."""

    id: Annotated[str, About("The ID of the failure mode, for `podid explain`.")]
    title: str
    severity: Severity
    link: Annotated[int, About("The link; 0 is podid's own access.")]
    state: Annotated[FailureState, About("possible: `podid sandbox break` can put it in place.")]
    subject: Annotated[str, OR_NULL, About("The object that fails; null if the failure mode is not in place.")]


SandboxFailureListDocument = list_of("SandboxFailureList", SandboxFailure, "`podid sandbox break` and `heal`.")
