"""Examinations of `podid doctor`: of a cluster, of a saved snapshot, and of several clusters."""

from collections.abc import Callable
from functools import partial

from podid.checks.all import BY_ID
from podid.cli.access import Access
from podid.cli.hints import at_place
from podid.commands.diagnosis.reporting import Reporting
from podid.domain.errors import UsageError
from podid.domain.plan import Consent, Place
from podid.domain.report import DoctorReport
from podid.domain.section import Cost
from podid.domain.snapshot import Snapshot
from podid.local.files import OutputFile
from podid.ops.clients import Clients
from podid.ops.doctor.examine import Examination, read_baseline
from podid.ops.doctor.request import AuditOptions, DoctorOptions
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.reading.saved import of_scope, read_snapshot, snapshot_text
from podid.ops.reading.scope import DoctorScope, parse_target
from podid.ops.status.diagnose import Checks
from podid.version import VERSION

# of a saved snapshot: 20,000 pods need about 20 MiB
MOST_MIB = 256


def examine(access: Access, options: DoctorOptions, checks: Checks, lines: OutputFile | None = None) -> Examination:
    """Return the examination of the cluster, or of a saved snapshot. Ask for consent to redeem tokens or to run pods.
    `lines` is the --save file of several clusters."""
    if options.report.force and not (options.save or options.report.report_files):
        raise UsageError("--force requires --save or --report")
    terminal, saved = access.terminal, options.saved
    scope = parse_target(options.target, access.shared.namespace or "")
    examination = examination_of(access, options, checks, scope)
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

    return examination(collect=collecting(access, place), with_commands=access.with_commands, save=save)


def examine_clusters(access: Access, options: DoctorOptions, checks: Checks) -> None:
    """Show the report on each of several clusters. --save writes a line for each."""
    options.check_several()
    options.check_together(dry_run=access.shared.dry_run)
    file = access.terminal.file_to_write(options.save, force=options.report.force) if options.save else None
    reporting = Reporting(access, options.report, options.clusters)
    reporting.show_each(lambda local: examine(local, options, checks, file).once())


def examination_of(
    access: Access, options: DoctorOptions | AuditOptions, checks: Checks, scope: DoctorScope
) -> partial[Examination]:
    """Return the examination without its functions, which read the snapshot and complete the report."""
    return partial(
        Examination,
        request=ReadRequest(checks=checks, scope=scope, cost=options.cost),
        baseline=options.report.baseline,
        accepted=read_baseline(options.report.baseline, BY_ID, access.terminal.read_file),
        note=access.terminal.note,
    )


def collecting(access: Access, place: Place, clients: Clients | None = None) -> Callable[[ReadRequest], Snapshot]:
    """Return the function that reads the cluster, and runs probe pods if the request includes them."""
    from podid.cli.changing import probing

    def read(request: ReadRequest) -> Snapshot:
        with access.terminal.working(f"reading cluster {place.cluster_name}"):
            run = probing(access) if request.cost & (Cost.PROBE | Cost.METADATA) else None
            now, journal = access.runtime.now(), access.journal_to_read
            return collect(clients or access.clients, place, request, now=now, journal=journal, probing=run)

    return read
