"""Examinations of `podid doctor` and `podid audit`: of a cluster, of a saved snapshot, and of several clusters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

from podid.cli.access import Access
from podid.domain.errors import PodidError, UsageError
from podid.domain.plan import Consent, Place
from podid.domain.section import Cost
from podid.ops.clients import Clients
from podid.render.formats import Report
from podid.version import VERSION

if TYPE_CHECKING:
    from podid.domain.report import DoctorReport
    from podid.domain.snapshot import Snapshot
    from podid.local.files import OutputFile
    from podid.ops.clusters import ClusterOptions
    from podid.ops.doctor.examine import Examination
    from podid.ops.doctor.request import AuditOptions, DoctorOptions, ReportOptions
    from podid.ops.reading.collect import ReadRequest
    from podid.ops.reading.scope import DoctorScope
    from podid.ops.status.diagnose import Checks

# of a saved snapshot: 20,000 pods need about 20 MiB
MOST_MIB = 256


def examine(access: Access, options: DoctorOptions, checks: Checks, lines: OutputFile | None = None) -> Examination:
    """Return the examination of the cluster, or of a saved snapshot. Ask for consent to redeem tokens or to run pods.
    `lines` is the --save file of several clusters."""
    from podid.cli.hints import at_place
    from podid.ops.reading.saved import of_scope, read_snapshot, snapshot_text
    from podid.ops.reading.scope import parse_target

    if options.report.force and not (options.save or options.report.report_files):
        raise UsageError("--force requires --save or --report")
    terminal, saved = access.terminal, options.saved
    scope = parse_target(options.target, access.shared.namespace or "")
    examination = _examination(access, options, checks, scope)
    force = options.report.force
    file = terminal.file_to_write(options.save, force=force) if options.save and lines is None else None
    if options.watch or options.until_clean or options.fixes:
        access.take_time()
    if saved:
        snapshot = of_scope(read_snapshot(terminal.read_file(saved, most_mib=MOST_MIB), saved), scope, saved)

        def with_cluster(report: DoctorReport) -> DoctorReport:
            return report.with_commands(partial(at_place, argv=("doctor", "--cluster", report.cluster_arn)))

        return examination(collect=lambda request: snapshot, with_commands=with_cluster)
    place = access.place(for_change=options.probe)
    question, needed_for = "Create short-lived credentials of the pods' roles", "Creating credentials"
    if options.probe:
        question, needed_for = f"{question}, and run at most 10 probe pods", f"{needed_for} and running probe pods"
    if options.probe or options.verify:
        question = f"{question}?" if options.probe else f"{question} to verify them?"
        terminal.consent(Consent(question=question, needed_for=needed_for))

    def save(snapshot: Snapshot) -> None:
        if lines is not None:
            lines.append(snapshot_text(snapshot, VERSION).encode())
        if file is not None:
            file.write(snapshot_text(snapshot, VERSION).encode())
            terminal.note(f"Saved to {file.name}")

    return examination(collect=_collecting(access, place), with_commands=access.with_commands, save=save)


def examine_clusters(access: Access, options: DoctorOptions, checks: Checks) -> None:
    """Show the report on each of several clusters. --save writes a line for each."""
    options.check_several()
    options.check_together(dry_run=access.shared.dry_run)
    force = options.report.force
    file = access.terminal.file_to_write(options.save, force=force) if options.save else None
    report_each(access, options.report, options.clusters, lambda local: examine(local, options, checks, file).once())


def report_each(
    access: Access, options: ReportOptions, clusters: ClusterOptions, read: Callable[[Access], DoctorReport]
) -> None:
    """Show the report of `read` on each of several clusters. --report, and -o for other programs, write one file for
    all of them."""
    from podid.cli.several import report_clusters
    from podid.render.doctor import doctor_view, reports_view
    from podid.render.reports import SEVERAL, file_text, format_of, write_reports

    form = access.shared.output if isinstance(access.shared.output, Report) else None
    for typed, style in (
        (f"-o {form}", form),
        *((f"--report {name}", format_of(name)) for name in options.report_files),
    ):
        if style is not None and style not in SEVERAL:
            raise UsageError(f"{typed} cannot be used with several clusters")
    write = report_files(access, options)
    kept: list[DoctorReport] | None = [] if form or options.report_files else None

    def show(local: Access) -> None:
        report = read(local)
        if kept is not None:
            kept.append(report)
        if form is None:
            local.terminal.emit(doctor_view(report, all_verdicts=options.all_verdicts))
        local.terminal.leave(options.exit_code(report))

    def finish(failures: Sequence[tuple[str, PodidError]]) -> None:
        reports = sorted(kept or (), key=attrgetter("cluster_arn"))
        if form is not None:
            access.terminal.write_report(write_reports(form, reports, failures), form)
        write(lambda name: file_text(name, reports, failures, all_verdicts=options.all_verdicts))

    report_clusters(access, clusters, show, reports_view, finish)


def report_files(access: Access, options: ReportOptions) -> Callable[[Callable[[str], str]], None]:
    """Check the files of --report, and return the function that writes them: its argument returns the text of a
    name."""
    from podid.render.reports import has_format

    for name in options.report_files:
        if not has_format(name):
            message = f"--report {name}: the name must end in .json, .sarif, .xml (JUnit), .md or .html"
            raise UsageError(message, subject=name)
    files = [access.terminal.file_to_write(name, force=options.force) for name in dict.fromkeys(options.report_files)]

    def write(text_of: Callable[[str], str]) -> None:
        for file in files:
            file.write(text_of(file.name).encode())

    return write


def audit_cluster(access: Access, options: AuditOptions, checks: Checks) -> DoctorReport:
    """Return the report of podid audit on one cluster."""
    from podid.ops.declare.files import read_guard
    from podid.ops.reading.scope import DoctorScope, parse_target

    terminal, refs = access.terminal, options.service_accounts
    access.check_whose_pods(refs, everywhere=True)
    scope = DoctorScope.of(refs) if refs else parse_target(namespace=access.shared.namespace or "")
    examination = _examination(access, options, checks, scope)
    guard = options.policy or access.runtime.env.get("PODID_GUARD", "")
    guards = (read_guard(guard, read_file=terminal.read_file),) if guard else ()
    place = access.place(for_change=options.probe)
    if options.probe:
        question = "Run at most 10 probe pods, which request credentials of the nodes' roles?"
        terminal.consent(Consent(question=question, needed_for="Running probe pods"))

    collect = _collecting(access, place, access.clients.for_many_roles())
    return examination(
        collect=lambda request: replace(collect(request), guards=guards), with_commands=access.with_commands
    ).audit()


def _examination(
    access: Access, options: DoctorOptions | AuditOptions, checks: Checks, scope: DoctorScope
) -> partial[Examination]:
    from podid.checks.all import BY_ID
    from podid.ops.doctor.examine import Examination, read_baseline
    from podid.ops.reading.collect import ReadRequest

    return partial(
        Examination,
        request=ReadRequest(checks=checks, scope=scope, cost=options.cost),
        baseline=options.report.baseline,
        accepted=read_baseline(options.report.baseline, BY_ID, access.terminal.read_file),
        note=access.terminal.note,
    )


def _collecting(access: Access, place: Place, clients: Clients | None = None) -> Callable[[ReadRequest], Snapshot]:
    """Return the function that reads the cluster, and runs probe pods if the request includes them."""
    from podid.cli.changing import probing
    from podid.ops.reading.collect import collect

    def read(request: ReadRequest) -> Snapshot:
        with access.terminal.working(f"reading cluster {place.cluster_name}"):
            run = probing(access) if request.cost & (Cost.PROBE | Cost.METADATA) else None
            now, journal = access.runtime.now(), access.journal_to_read
            return collect(clients or access.clients, place, request, now=now, journal=journal, probing=run)

    return read
