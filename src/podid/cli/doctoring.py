"""`podid doctor`, once the command line is read: look, mend, look again, show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from podid.cli.access import Access
from podid.cli.changing import probing
from podid.cli.hints import at_place
from podid.cli.mending import carry_out
from podid.cli.terminal import Terminal
from podid.domain.baseline import Accepted, accept
from podid.domain.errors import Again, UsageError
from podid.domain.exit_codes import ExitCode
from podid.domain.findings import Severity, Verdict
from podid.domain.report import DoctorReport
from podid.ops.doctor.collect import collect
from podid.ops.doctor.diagnose import Checks, diagnose
from podid.ops.doctor.fixes import mends
from podid.ops.doctor.saved import of_namespace, read_snapshot, snapshot_text, write_private
from podid.ops.doctor.scope import DoctorScope
from podid.render.doctor import doctor_view
from podid.render.formats import Report
from podid.version import VERSION

if TYPE_CHECKING:
    from podid.domain.place import Place
    from podid.domain.snapshot import Snapshot

UNTIL_CLEAN_SECONDS = 600.0
PAUSE_SECONDS = 5.0
FOREVER = float("inf")
# of a saved snapshot: twenty thousand pods are some 20 MiB
MOST_MIB = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorAsked:
    """What `podid doctor` was asked for. `collectors` are what is read as well; `accepted` are the entries of the file
    `baseline`; `save` and `saved` are files. `level` is the least severe finding that makes exit code 3."""

    scope: DoctorScope
    checks: Checks
    collectors: tuple[str, ...]
    probe: bool
    baseline: str
    accepted: tuple[Accepted, ...]
    fixing: bool
    fix_ids: Sequence[str]
    until_clean: bool
    watch: bool
    save: str
    saved: str
    all_verdicts: bool
    level: Severity | None
    allow_unknown: bool

    @property
    def mints(self) -> bool:
        return self.probe or "verify" in self.collectors


# flags of which none of the first goes with one of the second
_CONTRADICTIONS = (
    ("--fix --fix-id", "--watch", "--fix and --watch exclude each other: --watch only looks"),
    ("--probe", "--watch", "--probe and --watch exclude each other: --watch only looks, and --probe runs pods"),
    (
        *("--until-clean", "--watch"),
        "--until-clean and --watch exclude each other: the one ends when all is well, the other never",
    ),
    (
        *("--save --from", "--watch --until-clean"),
        "--save and --from are of one look, and --watch and --until-clean look again",
    ),
    ("--from", "--save --fix --fix-id", "--from reads what was seen then: nothing can be fixed or saved by it"),
    (
        "--from",
        "--logs --cloudtrail --verify --probe",
        "--from reads what was seen then: nothing more can be looked at",
    ),
)


def check_together(given: Mapping[str, object]) -> None:
    """Raises UsageError for flags that exclude each other; `given` has the values of all, by their names."""
    for some, others, what in _CONTRADICTIONS:
        if any(given[flag] for flag in some.split()) and any(given[flag] for flag in others.split()):
            raise UsageError(what)


def check_me(given: Mapping[str, object], *, me: bool) -> None:
    """Raises UsageError for what has no meaning with --me and --for."""
    if not me:
        raise UsageError("--for names the command whose rights --me looks at", hint=Again(add=("--me",)))
    if any(given.values()):
        raise UsageError("--me looks at the caller, not at the cluster: no target, no checks and no fixes go with it")


def show_own_rights(access: Access, terminal: Terminal, commands: Sequence[str]) -> None:
    """`podid doctor --me`."""
    from podid.cli.own_rights import look
    from podid.render.own_rights import own_rights_view

    with terminal.working("asking for the caller's rights"):
        found = look(access, commands, access.options.namespace or "")
    terminal.emit(own_rights_view(found))
    terminal.leave(found.exit_code)


def doctor_in(access: Access, terminal: Terminal, asked: DoctorAsked) -> None:
    """Looks as often as was asked for, mends, shows, and leaves with the last report's code."""
    if asked.watch or asked.until_clean or asked.fixing:
        access.take_time()
    if asked.saved:
        place, replayed = None, read_snapshot(terminal.read_file(asked.saved, most_mib=MOST_MIB), asked.saved)
    else:
        place, replayed = access.place(for_change=asked.probe), None
    if asked.mints:
        _ask(terminal, probe=asked.probe)
    look = _Looking(access, terminal, asked, place, replayed)
    report = look.mended() if asked.fixing else None
    if asked.watch:
        report = look.watched()
    elif asked.until_clean:
        report = look.until_clean()
    elif report is None:
        report = look.once()
    if not asked.watch:
        look.show(report)
    terminal.leave(look.code(report))


def _ask(terminal: Terminal, *, probe: bool) -> None:
    question, needed_for = "Mint short-lived credentials of the pods' roles to look at them?", "Minting credentials"
    if probe:
        question = "Mint short-lived credentials of the pods' roles, and run at most 10 pods of podid's own?"
        needed_for += " and running podid's own pods"
    terminal.consent(question, needed_for=needed_for)


@dataclass(frozen=True, slots=True)
class _Looking:
    """One look, as often as it is wanted: at the cluster of `place`, or at what was seen then."""

    access: Access
    terminal: Terminal
    asked: DoctorAsked
    place: Place | None
    replayed: Snapshot | None

    def once(self) -> DoctorReport:
        """The report, with what the baseline accepts told apart."""
        asked = self.asked
        found = diagnose(self._read(), checks=asked.checks, scope=asked.scope)
        there = ("doctor", "--cluster", found.cluster_arn)
        found = found.with_commands(partial(at_place, argv=there) if asked.saved else self.access.at_place)
        reckoning = accept(found, asked.accepted)
        for entry in reckoning.expired:
            self.terminal.note(f"{asked.baseline}: {entry} is accepted no longer, since {entry.expires}")
        for entry in reckoning.idle:
            self.terminal.note(f"{asked.baseline}: {entry} was not found, so the entry can go")
        return reckoning.report

    def mended(self) -> DoctorReport | None:
        """Carries out the fixes. The report that asked for none; None where it was of before they were carried out."""
        report, wanted = self.once(), self.asked.fix_ids
        if planned := mends(report, wanted):
            if self.terminal.for_person:
                self.show(report)  # what it is that is to be mended
            carry_out(planned, self.access.runtime, self.terminal, yes=self.access.options.yes)
            return None
        found = {verdict.check for verdict in report.findings}
        if absent := [name for name in wanted if name not in found]:
            self.terminal.note(f"not found, so there is nothing to fix: {', '.join(absent)}")
        if found & set(wanted or found):
            self.terminal.note("podid has no fix for this that it can carry out itself")
        return report

    def _read(self) -> Snapshot:
        asked, access, place = self.asked, self.access, self.place
        if place is None:
            assert self.replayed is not None
            return of_namespace(self.replayed, asked.scope.namespace, asked.saved)
        with self.terminal.working(f"looking at cluster {place.cluster_name}"):
            now, options = access.runtime.now(), asked.collectors
            snapshot = collect(access.clients, place, asked.checks, now=now, scope=asked.scope, options=options)
            if asked.probe:
                snapshot = _probed(access, place, snapshot, asked.scope)
        if asked.save:
            write_private(snapshot_text(snapshot, VERSION).encode(), asked.save)
            self.terminal.note(f"written to {asked.save}")
        return snapshot

    def show(self, report: DoctorReport) -> None:
        form = self.access.options.output
        if isinstance(form, Report):
            self.terminal.write_report(report, form)
        else:
            self.terminal.emit(doctor_view(report, all_verdicts=self.asked.all_verdicts))

    def code(self, report: DoctorReport) -> ExitCode:
        return report.exit_code(fail_on=self.asked.level, allow_unknown=self.asked.allow_unknown)

    def watched(self) -> DoctorReport:
        """Shows each report that differs. Ends with --timeout or a Ctrl-C."""
        patience = self.access.patience(FOREVER)
        shown: tuple[Verdict, ...] | None = None
        for _ in patience.rounds(PAUSE_SECONDS):
            if shown is not None and patience.over:
                break  # a look for which there is no time would find all unknown
            report = self.once()
            if report.verdicts != shown:
                self.show(report)
                shown = report.verdicts
        return report

    def until_clean(self) -> DoctorReport:
        """The first report that asks for exit code 0, or the last one that there was time for."""
        patience = self.access.patience(UNTIL_CLEAN_SECONDS)
        report: DoctorReport | None = None
        for _ in patience.rounds(PAUSE_SECONDS):
            if report is not None and patience.over:
                break  # as above
            report = self.once()
            if self.code(report) is ExitCode.OK:
                break
            counts = report.summary
            patience.say(f"{counts.error} errors, {counts.warn} warnings, {counts.unknown} unknown")
        assert report is not None
        return report


def _probed(access: Access, place: Place, snapshot: Snapshot, scope: DoctorScope) -> Snapshot:
    """The snapshot with what podid's own pods met."""
    from podid.ops.doctor.probing import probe

    return replace(snapshot, probes=probe(access.clients, place, snapshot, scope, probing(access, place)))
