"""The report of podid doctor in other formats: for CI systems, code scanning, and people."""

from importlib import import_module
from pathlib import PurePath

from podid.domain.report import DoctorReport
from podid.render.formats import Report, to_json

_SUFFIXES = {".sarif": Report.SARIF, ".xml": Report.JUNIT, ".md": Report.MARKDOWN, ".html": Report.HTML}
# the document of -o json
_DOCUMENT = ".json"


def write_report(form: Report, report: DoctorReport) -> str:
    """Return the report in that format."""
    module = import_module(f"{__name__}.{form}")
    text: str = module.write(report)
    return text


def has_format(name: str) -> bool:
    """Return whether the suffix of a file name is that of a format."""
    return PurePath(name).suffix in (*_SUFFIXES, _DOCUMENT)


def file_text(name: str, report: DoctorReport, *, all_verdicts: bool) -> str:
    """Return the report in the format that the file's name has."""
    form = _SUFFIXES.get(PurePath(name).suffix)
    if form is not None:
        return write_report(form, report)
    from podid.render.doctor import doctor_view

    return to_json(doctor_view(report, all_verdicts=all_verdicts).document)
