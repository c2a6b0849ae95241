"""Reports in HTML."""

import html.parser
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from podid.render.formats import Report
from podid.render.reports import write_reports
from render.reports.sample import HOSTILE, report_of


class _Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


@pytest.mark.parametrize("name", ["orders", HOSTILE], ids=["plain", "hostile"])
def test_html_loads_and_runs_nothing(name: str) -> None:
    reader = _Reader()
    reader.feed(write_reports(Report.HTML, [report_of(name)]))
    assert {"script", "link", "img", "iframe", "object"} & set(reader.tags) == set()
    assert {key for key, _ in reader.attributes if key.startswith("on") or key in ("src", "href")} == set()
    # a picture for each service account, ten links in each
    assert (reader.tags.count("svg"), reader.tags.count("circle")) == (2, 20)
    assert reader.tags.count("article") == 3


def test_unknown_checks_are_no_clean_report() -> None:
    report = report_of()
    unknown = replace(report, verdicts=report.unknowns)
    assert "<p>No problems found by the completed checks.</p>" in write_reports(Report.HTML, [unknown])
    assert "<p>No problems found.</p>" in write_reports(Report.HTML, [replace(report, verdicts=())])


@pytest.mark.slow
def test_html_in_a_browser(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium is installed")
    page = tmp_path / "report.html"
    page.write_text(write_reports(Report.HTML, [report_of(HOSTILE)]), encoding="utf-8", errors="backslashreplace")
    shot = tmp_path / "shot.png"
    options = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    more = ["--disable-component-update", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1000,1400"]
    argv = [browser, *options.split(), *more, f"--screenshot={shot}", "--dump-dom", page.as_uri()]
    done = subprocess.run(argv, capture_output=True, timeout=90, check=True)
    dom = done.stdout.decode()
    assert re.search(r"<title>podid doctor: demo</title>", dom)
    assert dom.count("<circle") == 20
    assert shot.stat().st_size > 10_000
