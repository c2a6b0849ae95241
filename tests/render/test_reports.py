"""A doctor's report in the formats of other programs: each is read back by a parser that is not podid's."""

import re
from dataclasses import replace

import pytest

from podid.domain.errors import AccessDenied
from podid.domain.findings import LINKS
from podid.domain.report import LinkState
from podid.render.formats import Report
from podid.render.reports import SEVERAL, write_reports
from render.reports.sample import HOSTILE, UNSEEN, report_of


@pytest.mark.parametrize("form", SEVERAL)
def test_several_clusters_in_one_file(form: Report) -> None:
    """The text of a cluster that cannot be read is as harmless as that of a report."""
    text = write_reports(form, (report_of(), report_of()), [(HOSTILE, AccessDenied(HOSTILE))])
    assert not UNSEEN.search(text)
    assert [line for line in text.splitlines() if line.startswith("::")] == (
        text.splitlines() if form is Report.GITHUB else []
    )


@pytest.mark.parametrize("form", Report)
def test_whatever_is_foreign_is_one_line_that_is_seen(form: Report) -> None:
    """In subjects, messages, evidence, reasons, fixes, what was accepted, scope and the cluster's name."""
    foreign = f"{HOSTILE}\x07\x85\u200b\u202e\u2028\U000e0041"
    report = report_of(foreign)
    accepted = tuple(
        replace(item, accepted=foreign) if item.check == "pod-predates-association" else item
        for item in report.verdicts
    )
    text = write_reports(form, [replace(report, cluster=foreign, verdicts=accepted)])
    assert UNSEEN.findall(text) == []
    assert not re.search(r"(?m)^\s*::error::", text)
    assert "\\x1b" in text


def test_a_link_is_as_good_as_the_worst_that_was_seen() -> None:
    states = {item.link: item.state for item in report_of().chain}
    assert states == dict.fromkeys(range(len(LINKS)), LinkState.UNSEEN) | {
        1: LinkState.BROKEN,
        2: LinkState.FINE,
        3: LinkState.WARNING,
        4: LinkState.NOTE,
        6: LinkState.BROKEN,
        9: LinkState.UNKNOWN,
    }
