"""A doctor's report in the formats of other programs: of CI systems, of code scanning, of people who were not there."""

from enum import StrEnum

from podid.domain.report import DoctorReport


class Report(StrEnum):
    """What -o takes for a doctor's report beside the formats of every command."""

    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    MARKDOWN = "markdown"
    HTML = "html"


def write_report(form: Report, report: DoctorReport) -> str:
    """The whole of stdout."""
    from podid.render.reports import github, html, junit, markdown, sarif

    match form:
        case Report.JUNIT:
            return junit.write(report)
        case Report.SARIF:
            return sarif.write(report)
        case Report.GITHUB:
            return github.write(report)
        case Report.MARKDOWN:
            return markdown.write(report)
        case Report.HTML:
            return html.write(report)
