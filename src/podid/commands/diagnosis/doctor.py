"""podid doctor."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.rights import CommandRights, Rights
from podid.ops.doctor.request import DoctorOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podid.domain.errors import ExitCode
    from podid.domain.report import DoctorReport
    from podid.domain.snapshot import Snapshot
    from podid.kube.reader import KubeReader
    from podid.ops.doctor.examine import Examination
    from podid.ops.reading.collect import Wanted
    from podid.ops.status.diagnose import Checks

# of a saved snapshot: twenty thousand pods are some 20 MiB
MOST_MIB = 256


def rights() -> CommandRights:
    from podid.checks.all import ALL
    from podid.ops.reading.sections import optional_rights
    from podid.ops.reading.sections import rights as rights_of_checks

    return CommandRights(rights_of_checks(ALL), optional_rights())


def rights_for(*, namespace: str | None, **typed: object) -> Rights:
    """What the checks that are chosen take, and finding the target."""
    from podid.domain.option import filled
    from podid.ops.reading.scope import parse_target
    from podid.ops.reading.sections import rights as rights_of_checks
    from podid.ops.status.diagnose import select

    options = filled(DoctorOptions, typed)
    scope = parse_target(options.target, namespace or "")
    return rights_of_checks(select(options.check, options.skip, options.link), scope.sections)


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CHANGE), rights=rights, reports=True, rights_for=rights_for)
def doctor(access: Access, options: DoctorOptions) -> None:
    """Find the first broken link.

    Walks the whole chain from association to permissions. What could not be checked is unknown, and makes exit 9.
    Findings make exit 3. With --logs it also names what the agents' logs of the last hour show.
    --cloudtrail reads which tokens were not redeemed, and how large pods' sessions are; --verify redeems tokens of at
    most 20 service accounts, and drops the credentials; --probe runs one pod of podid's own for each of at most 10,
    which asks the agent who it is, and deletes it. Both ask first, or need --yes.
    With --me it simulates the caller's own rights, prints the policy and the Role that grant what
    is missing, and ends with 3 then.

    Example: podid doctor shop/orders
    """
    from podid.cli.mending import carry_out, fixable, show_plans
    from podid.domain.errors import ExitCode, UsageError
    from podid.domain.findings import Severity
    from podid.ops.doctor import again
    from podid.ops.status.diagnose import describe_checks, select
    from podid.render.doctor import check_list_view, doctor_view
    from podid.render.formats import Report

    terminal, output = access.terminal, access.shared.output
    if options.me or options.for_command:
        options.check_together(dry_run=access.shared.dry_run)
        _show_own_rights(access, options.for_command or ("doctor",))
        return
    checks = select(options.check, options.skip, options.link)
    select(options.fix_id)
    options.check_together(dry_run=access.shared.dry_run)
    if options.list_checks:
        terminal.emit(check_list_view(describe_checks(checks)))
        return

    def show(report: DoctorReport) -> None:
        if isinstance(output, Report):
            terminal.write_report(report, output)
        else:
            terminal.emit(doctor_view(report, all_verdicts=options.all_verdicts))

    def code(report: DoctorReport) -> ExitCode:
        return report.exit_code(fail_on=options.level, allow_unknown=options.allow_unknown)

    if options.force and not options.save:
        raise UsageError("--force goes with --save")
    examination = _examination(access, options, checks)
    report = examination.once() if options.fixes else None
    if report is not None:
        planned = fixable(report, options.fix_id, Severity(options.fix_level), terminal)
        if access.shared.dry_run:
            show_plans(planned, access.runtime, terminal, report.cluster)
            return
        if planned:
            if terminal.for_person:
                show(report)  # what it is that is to be fixed
            carry_out(planned, access.runtime, terminal, yes=access.shared.yes, still=examination.still_found)
            report = None
    if options.watch:
        report = again.watch(access.patience(inf), examination.once, show)
    elif options.until_clean:
        patience = access.patience(again.UNTIL_CLEAN_SECONDS)
        report = again.until_clean(patience, examination.once, lambda report: code(report) is ExitCode.OK)
    elif report is None:
        report = examination.once()
    if not options.watch:
        show(report)
    terminal.leave(code(report))


def _examination(access: Access, options: DoctorOptions, checks: Checks) -> Examination:
    """Of the cluster, or of what was seen then. Asks where tokens are redeemed or pods are run."""
    from podid.checks.all import BY_ID
    from podid.cli.changing import probing
    from podid.cli.hints import at_place
    from podid.domain.plan import Consent
    from podid.domain.section import Cost
    from podid.ops.doctor.examine import Examination, read_baseline
    from podid.ops.reading.collect import collect
    from podid.ops.reading.saved import of_scope, read_snapshot, snapshot_text
    from podid.ops.reading.scope import parse_target
    from podid.version import VERSION

    terminal, saved = access.terminal, options.saved
    scope = parse_target(options.target, access.shared.namespace or "")
    examination = partial(
        Examination,
        checks=checks,
        scope=scope,
        cost=options.cost,
        baseline=options.baseline,
        accepted=read_baseline(options.baseline, BY_ID, terminal.read_file),
        note=terminal.note,
    )
    file = terminal.file_to_write(options.save, force=options.force) if options.save else None
    if options.watch or options.until_clean or options.fixes:
        access.take_time()
    if saved:
        seen = of_scope(read_snapshot(terminal.read_file(saved, most_mib=MOST_MIB), saved), scope, saved)

        def there(report: DoctorReport) -> DoctorReport:
            return report.with_commands(partial(at_place, argv=("doctor", "--cluster", report.cluster_arn)))

        return examination(collect=lambda wanted: seen, with_commands=there)
    place = access.place(for_change=options.probe)
    question, needed_for = "Mint short-lived credentials of the pods' roles", "Minting credentials"
    if options.probe:
        question = f"{question}, and run at most 10 pods of podid's own?"
        needed_for = f"{needed_for} and running podid's own pods"
    if options.probe or options.verify:
        question = question if options.probe else f"{question} to look at them?"
        terminal.consent(Consent(question=question, needed_for=needed_for))

    def read(wanted: Wanted) -> Snapshot:
        with terminal.working(f"looking at cluster {place.cluster_name}"):
            run, now = probing(access) if Cost.PROBE in wanted.cost else None, access.runtime.now()
            return collect(access.clients, place, wanted, now=now, journal=access.journal_to_read, probing=run)

    def save(snapshot: Snapshot) -> None:
        if file is not None:
            file.write(snapshot_text(snapshot, VERSION).encode())
            terminal.note(f"written to {file.name}")

    return examination(collect=read, with_commands=access.with_commands, save=save)


def _show_own_rights(access: Access, names: Sequence[str]) -> None:
    """`podid doctor --me`, for the commands of these names. The cluster itself is read only on the way into it, so that
    a caller who may not do that has an answer too."""
    from podid.cli.tree import rights_of_commands
    from podid.domain.errors import AccessDenied
    from podid.ops.doctor.own_rights import own_rights
    from podid.render.own_rights import own_rights_view

    def reader() -> KubeReader:
        try:
            return access.kube.reader
        except AccessDenied as error:
            error.what = f"there is no way into the cluster: {error.what}"
            raise

    with access.terminal.working("asking for the caller's rights"):
        commands, needed = rights_of_commands(names)
        iam, where, namespace = access.clients.iam, access.who_and_where(), access.shared.namespace or ""
        rights = own_rights(iam, reader, where, needed, commands=commands, namespace=namespace)
    access.terminal.emit(own_rights_view(rights))
    access.terminal.leave(rights.exit_code)
