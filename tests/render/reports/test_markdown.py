"""Reports in Markdown."""

import pytest
from markdown_it import MarkdownIt

from podid.render.formats import Report
from podid.render.reports import write_reports
from render.reports.sample import HOSTILE, report_of


@pytest.mark.parametrize("name", ["orders", HOSTILE], ids=["plain", "hostile"])
def test_markdown(name: str) -> None:
    text = write_reports(Report.MARKDOWN, [report_of(name)])
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    assert {token.type for token in tokens if token.type.startswith("html")} == set()
    assert {child.type for child in inline} <= {"text", "code_inline", "text_special", "entity"}
    rows = [token for token in tokens if token.type == "tr_open"]
    assert len(rows) == 3  # the header and two identities
    fences = [token.content for token in tokens if token.type == "fence"]
    assert fences[0].splitlines()[-1] == "podid explain association-missing"
    assert "\n::" not in text
