"""The pages of the failure modes."""

from pathlib import Path

from harness import table
from podid.checks.all import ALL, AUDIT
from podid.ops.errortext import BY_ID
from podid.pages import index
from podid.pages.index import ENTRIES

PAGES = Path(index.__file__).parent
SECTIONS = ("## What you see", "## Why", "## How to fix it", "## Sources")
IDS = [entry.id for entry in ENTRIES]


def test_pages_and_index_name_the_same_failure_modes() -> None:
    assert sorted(IDS) == sorted(path.stem for path in PAGES.glob("*.md"))
    assert len(set(IDS)) == len(IDS)


CHECKED = (*ALL, *AUDIT)


def test_every_check_has_a_page_that_agrees_with_it() -> None:
    checked = {c.id: c for c in CHECKED}
    assert {entry.id: entry.healthy for entry in ENTRIES if entry.healthy} == {c.id: c.title for c in CHECKED}
    assert {c.id: (c.severity, c.link, c.fix) for c in CHECKED} == {
        e.id: (e.severity, e.link, e.fix) for e in ENTRIES if e.id in checked
    }
    for check_id in checked:
        assert "## How podid checks" in BY_ID[check_id].body, check_id


@table("page_id", IDS)
def test_a_page_is_whole(page_id: str) -> None:
    entry, raw = BY_ID[page_id], (PAGES / f"{page_id}.md").read_text(encoding="utf-8")
    assert entry.body.startswith(f"# {entry.title} (`{page_id}`)\n")
    assert [heading for heading in SECTIONS if heading not in entry.body] == []
    assert "https://" in entry.body.split("## Sources")[1]
    assert raw.count("```") % 2 == 0


@table("page_id", IDS)
def test_a_page_opens_with_one_sentence(page_id: str) -> None:
    opening = BY_ID[page_id].body.split("\n", 1)[1].split("## ")[0].strip()
    assert opening.endswith(".")
    assert ". " not in opening
    assert len(opening.split()) <= 27
