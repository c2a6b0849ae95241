"""podid doctor."""

from __future__ import annotations

from functools import partial
from math import inf

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, CONFIRM, KUBERNETES, NAMESPACES, SEVERAL
from podid.domain.errors import ExitCode
from podid.domain.findings import Severity
from podid.domain.option import filled
from podid.domain.permissions import Permissions
from podid.ops.doctor.request import DoctorOptions
from podid.render.formats import Report


def permissions_for(*, namespace: str | None, **typed: object) -> Permissions:
    """Return the permissions of the selected checks, and of reading the target."""
    from podid.ops.reading import sections
    from podid.ops.reading.scope import parse_target
    from podid.ops.status.diagnose import select

    options = filled(DoctorOptions, typed)
    scope = parse_target(options.target, namespace or "")
    return sections.permissions(select(options.check, options.skip, options.link), scope.sections)


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CONFIRM),
    needs="CHECKING",
    optional=("OPTIONS_OF_DOCTOR SEVERAL_CLUSTERS",),
    formats=tuple(Report),
    permissions_for=permissions_for,
    several=SEVERAL,
)
def doctor(access: Access, options: DoctorOptions) -> None:
    """Find the first broken link.

    podid checks every link from the association to the permissions. Exit 3 for findings, 9 if a check is unknown.
    --verify redeems tokens of at most 20 service accounts. --probe runs and deletes pods for at most 10. --me simulates
    the caller's permissions, and prints how to grant the missing ones.

    Example: podid doctor

    Example: podid doctor shop/orders

    Example: podid doctor pod/shop/orders-7d4b9 --logs
    """
    from podid.cli.multicluster import are_several
    from podid.commands.diagnosis.examine import examine, examine_clusters
    from podid.commands.diagnosis.fixing import carry_out, show_plans
    from podid.commands.diagnosis.own_permissions import show_own_permissions
    from podid.commands.diagnosis.reporting import Reporting
    from podid.ops.doctor.examine import UNTIL_CLEAN_SECONDS, until_clean, watch
    from podid.ops.doctor.fixes import auto_fixes, fix_notes
    from podid.ops.status.diagnose import describe_checks, select
    from podid.render.doctor import check_list_view

    terminal = access.terminal
    if options.me or options.for_command:
        options.check_together(dry_run=access.shared.dry_run)
        show_own_permissions(access, options.for_command or ("doctor",))
        return
    checks = select(options.check, options.skip, options.link)
    select(options.fix_id)
    if are_several(access, options.clusters) and not options.report.list_checks:
        examine_clusters(access, options, checks)
        return
    options.check_together(dry_run=access.shared.dry_run)
    if options.report.list_checks:
        terminal.emit(check_list_view(describe_checks(checks)))
        return

    reporting = Reporting(access, options.report, options.clusters)
    show = partial(reporting.show, again=options.watch)
    examination, report = examine(access, options, checks), None
    if options.fixes:
        report = examination.once()
        planned, skipped = auto_fixes(report, options.fix_id, Severity(options.fix_level))
        terminal.note(*fix_notes(report, options.fix_id, planned, skipped))
        if access.shared.dry_run:
            show_plans(planned, access.runtime, terminal, report.cluster)
            return
        if planned:
            if terminal.for_person:
                show(report)  # the findings to fix
            carry_out(planned, access.runtime, terminal, yes=access.shared.yes, still=examination.still_found)
            report = None
    if options.watch:
        report = watch(access.patience(inf), examination.once, show, always=terminal.redraws)
    elif options.until_clean:
        patience = access.patience(UNTIL_CLEAN_SECONDS)
        report = until_clean(patience, examination.once, lambda report: options.report.exit_code(report) is ExitCode.OK)
    elif report is None:
        report = examination.once()
    if not options.watch:
        show(report)
    reporting.finish(report)
