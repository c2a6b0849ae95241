"""The report of podid doctor in other formats: for CI systems, code scanning, and people."""

from importlib import import_module

from podid.domain.report import DoctorReport
from podid.render.formats import Report


def write_report(form: Report, report: DoctorReport) -> str:
    """Return the report in that format."""
    module = import_module(f"{__name__}.{form}")
    text: str = module.write(report)
    return text
