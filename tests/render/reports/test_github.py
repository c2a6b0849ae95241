"""Workflow commands of GitHub Actions."""

import re

import pytest

from podid.render.formats import Report
from podid.render.reports import write_reports
from render.reports.sample import HOSTILE, report_of


@pytest.mark.parametrize("name", ["orders", HOSTILE], ids=["plain", "hostile"])
def test_github(name: str) -> None:
    lines = write_reports(Report.GITHUB, [report_of(name)]).splitlines()
    kinds = [re.match(r"::(error|warning|notice) title=[^:,\n]*::", line) for line in lines]
    assert all(kinds)
    assert [match[1] for match in kinds if match] == ["error", "warning", "notice", "warning", "notice"]
    assert "%0Apodid explain association-missing" in lines[0]
