"""Looking again and again, as `podid doctor` does with --watch and --until-clean."""

from collections.abc import Callable, Iterator
from operator import attrgetter

from podid.calls.patience import Patience
from podid.domain.report import DoctorReport

UNTIL_CLEAN_SECONDS = 600.0
_PAUSE_SECONDS = 5.0


def watch(
    patience: Patience,
    look: Callable[[], DoctorReport],
    show: Callable[[DoctorReport], object],
    of: Callable[[DoctorReport], object] = attrgetter("verdicts"),
) -> DoctorReport:
    """The last report, when `patience` ends. `show` gets the first one, and each whose part `of` it differs from that
    of the one before."""
    shown = None
    for report in _reports(patience, look):
        if (part := of(report)) != shown:
            show(report)
            shown = part
    return report


def until_clean(
    patience: Patience, look: Callable[[], DoctorReport], clean: Callable[[DoctorReport], bool]
) -> DoctorReport:
    """The first report that is `clean`, or the last one that there was time for."""
    for report in _reports(patience, look):
        if clean(report):
            break
        counts = report.summary
        patience.say(f"{counts.error} errors, {counts.warn} warnings, {counts.unknown} unknown")
    return report


def _reports(patience: Patience, look: Callable[[], DoctorReport]) -> Iterator[DoctorReport]:
    """What each look found; one at least."""
    for number, _ in enumerate(patience.rounds(_PAUSE_SECONDS)):
        if number and patience.over:
            return  # a look for which there is no time would find all unknown
        yield look()
