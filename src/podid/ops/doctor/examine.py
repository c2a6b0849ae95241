"""Examinations of the doctor: of the cluster or a saved snapshot, once or repeatedly (--watch, --until-clean)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter

from podid.calls.patience import Patience
from podid.domain.findings import Verdict
from podid.domain.report import Accepted, DoctorReport, accept, parse_baseline
from podid.domain.section import Cost
from podid.domain.snapshot import Snapshot
from podid.domain.text import count_of
from podid.local import data
from podid.ops.reading.collect import ReadRequest
from podid.ops.status.diagnose import diagnose, select
from podid.ops.trust.files import called

# cost of a section that only `podid audit` reads, on request -> the section, and the words for it
_OF_AUDIT = {
    Cost.SECRETS: ("secret_keys", "access keys in Secrets (--secrets)"),
    Cost.METADATA: ("metadata_probes", "the metadata service from a pod (--probe)"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """`collect` reads the snapshot of the request, and `save` saves it for --save. `accepted` are the entries of the
    file `baseline`; `note` reports expired and unused ones. `with_commands` completes the command lines of the
    fixes."""

    collect: Callable[[ReadRequest], Snapshot]
    request: ReadRequest
    baseline: str
    accepted: tuple[Accepted, ...]
    note: Callable[[str], None]
    with_commands: Callable[[DoctorReport], DoctorReport]
    save: Callable[[Snapshot], None] = lambda snapshot: None

    def audit(self) -> DoctorReport:
        """Return the report without the states of the identities: other checks decide them."""
        wants, paid = {name for check in self.request.checks for name in check.wants}, self.request.cost
        skipped = (words for cost, (name, words) in _OF_AUDIT.items() if cost not in paid and name in wants)
        report = self.once().with_commands(lambda line: (*line, "--for", "audit") if "--me" in line else line)
        return replace(report, command="audit", identities=(), not_asked=tuple(skipped))

    def once(self, *, quiet: bool = False) -> DoctorReport:
        """Return the report with accepted findings marked. With `quiet`, do not report expired or unused entries."""

        def adjust(report: DoctorReport) -> DoctorReport:
            reckoning = accept(self.with_commands(report), self.accepted)
            for entry in reckoning.expired if not quiet else ():
                self.note(f"{self.baseline}: the entry {entry} expired on {entry.expires}")
            for entry in reckoning.idle if not quiet else ():
                self.note(f"{self.baseline}: the entry {entry} matches no finding, so you can remove it")
            return reckoning.report

        snapshot = self.collect(self.request)
        self.save(snapshot)
        return diagnose(snapshot, checks=self.request.checks, scope=self.request.scope, adjust=adjust)

    def still_found(self, verdict: Verdict, command: tuple[str, ...]) -> bool:
        """Check again, and return whether the finding still exists and this command fixes it."""
        request = replace(self.request, checks=select((verdict.check,)), cost=self.request.cost & ~Cost.PROBE)
        findings = replace(self, request=request, save=lambda snapshot: None).once(quiet=True).findings
        return any(item.check == verdict.check and item.fix and command in item.fix.commands for item in findings)


def read_baseline(file: str, known: Iterable[str], read_file: Callable[[str], str]) -> tuple[Accepted, ...]:
    """Return the accepted findings of a YAML or JSON file, or of stdin for `-`; none without a file. `known` are the
    ids of the checks."""
    return parse_baseline(data.read(read_file(file), called(file)), known, file) if file else ()


UNTIL_CLEAN_SECONDS = 600.0
_PAUSE_SECONDS = 5.0


def watch(
    patience: Patience,
    examine: Callable[[], DoctorReport],
    show: Callable[[DoctorReport], object],
    of: Callable[[DoctorReport], object] = attrgetter("verdicts"),
    *,
    always: bool = False,
) -> DoctorReport:
    """Return the last report when `patience` ends. Call `show` with the first report, and with each whose part `of` it
    differs from the previous one; with `always`, call it with every report."""
    shown = None
    for report in _reports(patience, examine):
        if (part := of(report)) != shown or always:
            show(report)
            shown = part
    return report


def until_clean(
    patience: Patience, examine: Callable[[], DoctorReport], clean: Callable[[DoctorReport], bool]
) -> DoctorReport:
    """Return the first `clean` report, or the last one before the deadline."""
    for report in _reports(patience, examine):
        if clean(report):
            break
        counts = report.summary
        errors, warnings = count_of(counts.error, "error"), count_of(counts.warn, "warning")
        patience.say(f"{errors}, {warnings}, {counts.unknown} unknown")
    return report


def _reports(patience: Patience, examine: Callable[[], DoctorReport]) -> Iterator[DoctorReport]:
    """Yield the report of each examination, at least one."""
    for number, _ in enumerate(patience.rounds(_PAUSE_SECONDS)):
        if number and patience.over:
            return  # after the deadline every check would be unknown
        yield examine()
