"""A doctor's report in the formats of other programs: of CI systems, of code scanning, of people who were not there."""

from importlib import import_module

from podid.domain.report import DoctorReport
from podid.render.formats import Report


def write_report(form: Report, report: DoctorReport) -> str:
    """The whole of stdout."""
    module = import_module(f"{__name__}.{form}")
    text: str = module.write(report)
    return text
