"""A page for every failure mode, and how an error text finds it."""

from functools import cache
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """The front matter of a page. `link` is the link of the way to credentials that breaks (1 to 10), 0 for podid's own
    access; `healthy` is the fact that the check of this id looks for, empty where there is no check; `texts` are error
    texts that mean this failure mode, in which "…" stands for anything, each with its weight, which
    `podid.pages.texts` explains. `bearing` is what a failure means for the pods: `stops` (they do not get or use the
    role, or may not), `restart` (running pods only: new ones do), `advice` (nothing)."""

    id: str
    severity: str
    link: int
    fix: str
    title: str
    healthy: str
    texts: tuple[tuple[str, int], ...]
    bearing: str = "stops"

    @property
    def body(self) -> str:
        """The page in Markdown, from its title on."""
        return _body(self.id)


@cache
def _body(page_id: str) -> str:
    document = (Path(__file__).parent / f"{page_id}.md").read_text(encoding="utf-8")
    _, _, body = document.split("---\n", 2)
    return body.strip() + "\n"
