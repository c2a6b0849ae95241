"""A doctor's report in the formats of other programs: of CI systems, of code scanning, of people who were not there."""

from podid.domain.report import DoctorReport
from podid.render.formats import Report


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
