"""JUnit's XML, as Jenkins, GitLab and GitHub's test reporters read it: a suite for each link, a case for each verdict.

An error or a warning fails its case. An unknown verdict at error level is an error. A finding that follows from an
earlier broken link is skipped.
"""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from podid.domain.encoding import timestamp
from podid.domain.findings import LINKS, Outcome, Severity, Verdict, link_words
from podid.domain.report import DoctorReport
from podid.render import reports as parts
from podid.render.sanitize import line

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(reports: Sequence[DoctorReport], failures: parts.Failures | None) -> str:
    if failures is None:
        (report,) = reports
        return _document(f"podid {report.command} {line(report.cluster)}", _suites(report, ""))
    suites = [suite for report in reports for suite in _suites(report, f"{parts.cluster_of(report, failures)} ")]
    if failures:
        count = str(len(failures))
        suite = ET.Element("testsuite", name="clusters", tests=count, failures="0", errors=count, skipped="0")
        for name, words in parts.unread(failures):
            case = ET.SubElement(suite, "testcase", classname="podid.clusters", name=_xml(name))
            ET.SubElement(case, "error", message=_xml(words))
        suites.append(suite)
    return _document(f"podid {parts.command_of(reports)}", suites)


def _document(name: str, suites: list[ET.Element]) -> str:
    root = ET.Element("testsuites", name=_xml(name))
    root.extend(suites)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ET.tostring(root, encoding='unicode')}\n"


def _suites(report: DoctorReport, cluster: str) -> list[ET.Element]:
    suites = []
    for number in range(len(LINKS)):
        verdicts = [item for item in report.verdicts if item.link == number and item.outcome != Outcome.NOT_APPLICABLE]
        if verdicts:
            suites.append(_suite(f"{cluster}link {link_words(number)}", verdicts, timestamp(report.taken_at)))
    return suites


def _suite(name: str, verdicts: list[Verdict], taken_at: str) -> ET.Element:
    cases = [_case(item) for item in verdicts]
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    suite = ET.Element("testsuite", name=_xml(name), timestamp=taken_at)
    suite.attrib.update({name: str(count) for name, count in counts.items()})
    suite.extend(cases)
    return suite


def _case(verdict: Verdict) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=f"podid.{verdict.check}",
        name=_xml(f"{verdict.check} {parts.subject_words(verdict.subject)}"),
    )
    message = _xml(parts.message_of(verdict))
    if verdict.accepted:
        ET.SubElement(case, "skipped", message=_xml(f"{message} (accepted: {line(verdict.accepted)})"))
    elif verdict.masked_by:
        ET.SubElement(case, "skipped", message=_xml(f"{message} (follows from {verdict.masked_by})"))
    elif verdict.outcome is Outcome.UNKNOWN:
        ET.SubElement(case, "error" if verdict.severity is Severity.ERROR else "skipped", message=message)
    elif verdict.outcome is Outcome.FAIL and verdict.severity is not Severity.INFO:
        failure = ET.SubElement(case, "failure", type=verdict.severity, message=message)
        failure.text = _xml("\n".join((*parts.evidence(verdict), *parts.commands(verdict))))
    elif verdict.outcome is Outcome.FAIL:
        ET.SubElement(case, "system-out").text = message
    return case


def _xml(text: str) -> str:
    """Replace the characters that XML 1.0 does not allow."""
    return _NOT_XML.sub("?", text)
