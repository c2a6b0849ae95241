"""A page for every failure mode, and the texts by which `podid explain` finds it."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

# the published documentation
SITE = "https://podid.github.io/podid/"


class Entry(NamedTuple):
    """The front matter of a page. `link` is the broken link on the way to credentials (1 to 10), 0 for podid's own
    access. `healthy` is the fact that the check of this ID verifies, empty without a check. `texts` are error texts for
    this failure mode, in which "…" stands for any text, each with its weight, see texts.txt. `bearing` is the effect
    of a failure on pods: `stops` (they do not get or use the role, or are not authorized to), `restart` (only
    running pods are affected), `advice` (none)."""

    id: str
    severity: str
    link: int
    fix: str
    title: str
    healthy: str
    texts: tuple[tuple[str, int], ...]
    bearing: str = "stops"

    @property
    def url(self) -> str:
        return f"{SITE}failures/{self.id}/"

    @property
    def body(self) -> str:
        """Return the page in Markdown, from its title on."""
        return _body(self.id)


@cache
def _body(page_id: str) -> str:
    document = (Path(__file__).parent / f"{page_id}.md").read_text(encoding="utf-8")
    _, _, body = document.split("---\n", 2)
    return body.strip() + "\n"
