"""JUnit's XML."""

from xml.etree import ElementTree as ET

import pytest

from podid.render.formats import Report
from podid.render.reports import write_reports
from render.reports.sample import COUNTS, HOSTILE, report_of


@pytest.mark.parametrize("name", ["orders", HOSTILE], ids=["plain", "hostile"])
def test_junit(name: str) -> None:
    root = ET.fromstring(write_reports(Report.JUNIT, [report_of(name)]))
    assert {key: root.get(key) for key in COUNTS} == COUNTS
    for key in COUNTS:
        assert sum(int(suite.attrib[key]) for suite in root) == int(COUNTS[key])
    cases = {case.attrib["classname"]: case for case in root.iter("testcase")}
    failure = cases["podid.association-missing"].find("failure")
    assert failure is not None
    assert failure.get("type") == "error"
    assert "podid explain association-missing" in (failure.text or "")
    error = cases["podid.trust-wrong-principal"].find("error")
    assert error is not None
    assert "iam:GetRole" in error.attrib["message"]
    assert cases["podid.agent-not-on-node"].find("skipped") is not None
    assert list(cases["podid.association-sa-not-found"]) == []
