"""Failure modes."""

from collections.abc import Sequence
from typing import Annotated, Literal

from typing_extensions import TypedDict

from podid.domain.findings import FixClass, Severity
from podid.render.documents.common import About, BrokenLink, Names


class PageEntryBody(TypedDict):
    id: str
    severity: Severity
    link: BrokenLink
    fix: FixClass


class PageBody(PageEntryBody):
    title: str
    texts: Names
    body: Annotated[str, About("The page, in Markdown.")]


class ExplanationDocument(TypedDict):
    """`podid explain`, the best match first."""

    kind: Literal["Explanation"]
    query: str
    how: Annotated[str, About("How the pages were found.")]
    items: Sequence[PageBody]


class PageListDocument(TypedDict):
    """`podid explain --list`."""

    kind: Literal["PageList"]
    items: Sequence[PageEntryBody]
