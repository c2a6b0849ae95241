"""Examinations of the doctor: one of the cluster, or of what was read then, and one after another as --watch and
--until-clean have it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter

from podid.calls.patience import Patience
from podid.domain.findings import Verdict
from podid.domain.report import Accepted, DoctorReport, accept, parse_baseline
from podid.domain.section import Cost
from podid.domain.snapshot import Snapshot
from podid.local import data
from podid.ops.reading.collect import ReadRequest
from podid.ops.reading.scope import DoctorScope
from podid.ops.status.diagnose import Checks, diagnose, select
from podid.ops.trust.files import called


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """`collect` reads what is wanted, and `save` keeps it, where that was asked for. `accepted` are the entries of the
    file `baseline`, of which `note` is told what no longer counts. `with_commands` makes fixes command lines to
    paste."""

    collect: Callable[[ReadRequest], Snapshot]
    checks: Checks
    scope: DoctorScope
    cost: Cost
    baseline: str
    accepted: tuple[Accepted, ...]
    note: Callable[[str], None]
    with_commands: Callable[[DoctorReport], DoctorReport]
    save: Callable[[Snapshot], None] = lambda snapshot: None

    def once(self, *, quiet: bool = False) -> DoctorReport:
        """The report, with what the baseline accepts told apart; `quiet` says nothing of the baseline itself."""

        def adjust(report: DoctorReport) -> DoctorReport:
            reckoning = accept(self.with_commands(report), self.accepted)
            for entry in reckoning.expired if not quiet else ():
                self.note(f"{self.baseline}: {entry} is accepted no longer, since {entry.expires}")
            for entry in reckoning.idle if not quiet else ():
                self.note(f"{self.baseline}: {entry} was not found, so the entry can go")
            return reckoning.report

        snapshot = self.collect(ReadRequest(checks=self.checks, scope=self.scope, cost=self.cost))
        self.save(snapshot)
        return diagnose(snapshot, checks=self.checks, scope=self.scope, adjust=adjust)

    def still_found(self, verdict: Verdict, command: tuple[str, ...]) -> bool:
        """Whether the finding is there still, and is fixed by this command."""
        again = replace(self, checks=select((verdict.check,)), cost=self.cost & ~Cost.PROBE, save=lambda snapshot: None)
        findings = again.once(quiet=True).findings
        return any(item.check == verdict.check and item.fix and command in item.fix.commands for item in findings)


def read_baseline(file: str, known: Iterable[str], read_file: Callable[[str], str]) -> tuple[Accepted, ...]:
    """The accepted findings of a YAML or JSON file, or of stdin for `-`; none without a file. `known` are the ids of
    checks."""
    return parse_baseline(data.read(read_file(file), called(file)), known, file) if file else ()


UNTIL_CLEAN_SECONDS = 600.0
_PAUSE_SECONDS = 5.0


def watch(
    patience: Patience,
    examine: Callable[[], DoctorReport],
    show: Callable[[DoctorReport], object],
    of: Callable[[DoctorReport], object] = attrgetter("verdicts"),
) -> DoctorReport:
    """The last report, when `patience` ends. `show` gets the first one, and each whose part `of` it differs from that
    of the one before."""
    shown = None
    for report in _reports(patience, examine):
        if (part := of(report)) != shown:
            show(report)
            shown = part
    return report


def until_clean(
    patience: Patience, examine: Callable[[], DoctorReport], clean: Callable[[DoctorReport], bool]
) -> DoctorReport:
    """The first report that is `clean`, or the last one that there was time for."""
    for report in _reports(patience, examine):
        if clean(report):
            break
        counts = report.summary
        patience.say(f"{counts.error} errors, {counts.warn} warnings, {counts.unknown} unknown")
    return report


def _reports(patience: Patience, examine: Callable[[], DoctorReport]) -> Iterator[DoctorReport]:
    """Yield the report of each examination; one at least."""
    for number, _ in enumerate(patience.rounds(_PAUSE_SECONDS)):
        if number and patience.over:
            return  # without time, everything would be unknown
        yield examine()
