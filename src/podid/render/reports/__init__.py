"""The report of podid doctor in other formats: for CI systems, code scanning, and people."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import PurePath

from podid.domain.report import DoctorReport
from podid.render.formats import Report, to_json
from podid.render.reports.parts import Failures

_SUFFIXES = {".sarif": Report.SARIF, ".xml": Report.JUNIT, ".md": Report.MARKDOWN, ".html": Report.HTML}
# formats that have several clusters in one file
SEVERAL = (Report.SARIF, Report.JUNIT, Report.GITHUB, Report.MARKDOWN)
# the document of -o json
_DOCUMENT = ".json"


def write_reports(form: Report, reports: Sequence[DoctorReport], failures: Failures | None = None) -> str:
    """Return the reports in that format: with `failures` those of several clusters, which requires one of SEVERAL."""
    text: str = import_module(f"{__name__}.{form}").write(reports, failures)
    return text


def has_format(name: str) -> bool:
    return PurePath(name).suffix in (*_SUFFIXES, _DOCUMENT)


def format_of(name: str) -> Report | None:
    """Return the format that the file's name has; None for the document of -o json."""
    return _SUFFIXES.get(PurePath(name).suffix)


def file_text(
    name: str, reports: Sequence[DoctorReport], failures: Failures | None = None, *, all_verdicts: bool
) -> str:
    """Return the reports in the format that the file's name has: with `failures` those of several clusters."""
    form = format_of(name)
    if form is not None:
        return write_reports(form, reports, failures)
    from podid.render.doctor import doctor_view, reports_view

    views = [doctor_view(report, all_verdicts=all_verdicts) for report in reports]
    return to_json((views[0] if failures is None else reports_view(views, failures)).document)
