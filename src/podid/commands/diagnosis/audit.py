"""podid audit."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, CONFIRM, KUBERNETES, NAMESPACES, SEVERAL
from podid.domain.permissions import CommandPermissions
from podid.ops.doctor.request import AuditOptions
from podid.render.formats import Report


def permissions() -> CommandPermissions:
    from podid.checks.all import AUDITED
    from podid.cli.permissions import SEVERAL_CLUSTERS
    from podid.ops.reading import sections

    return CommandPermissions(
        sections.permissions(AUDITED), (*sections.optional_permissions(AUDITED), *SEVERAL_CLUSTERS)
    )


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CONFIRM),
    permissions=permissions,
    formats=Report,
    several=SEVERAL,
)
def audit(access: Access, options: AuditOptions) -> None:
    """Find excessive permissions and exposed identities.

    podid checks trust policies and permissions of the roles, unused associations, access keys that are stored in the
    cluster, nodes on which pods can reach the metadata service, and other principals that can get the role of a service
    account. The command only reads. --secrets also reads Secrets. podid never prints or saves an access key. --probe
    runs a pod on a node of each group, and deletes it. --policy also checks your own rules.

    Example: podid audit

    Example: podid audit shop/orders --fail-on warn

    Example: podid audit -n shop -o sarif

    Example: podid audit --all-regions --assume-role podid-audit --organization -o jsonl
    """
    from podid.checks.all import AUDITED
    from podid.cli.several import are_several, report_clusters
    from podid.commands.diagnosis.examine import audit_cluster, report_files
    from podid.domain.errors import UsageError
    from podid.ops.status.diagnose import describe_checks, select
    from podid.render.doctor import check_list_view, doctor_view, reports_view

    checks = select(options.check, options.skip, among=AUDITED, command="audit")
    if options.report.list_checks:
        access.terminal.emit(check_list_view(describe_checks(checks)))
        return

    def run(access: Access) -> None:
        write = report_files(access, options.report)
        report, output = audit_cluster(access, options, checks), access.shared.output
        if isinstance(output, Report):
            access.terminal.write_report(report, output)
        else:
            access.terminal.emit(doctor_view(report, all_verdicts=options.report.all_verdicts))
        write(report)
        access.terminal.leave(options.report.exit_code(report))

    several = are_several(access, options.clusters)
    if several and isinstance(access.shared.output, Report):
        raise UsageError(f"-o {access.shared.output} is for one cluster")
    if several and (options.report.report_files or options.probe):
        raise UsageError(f"{'--report' if options.report.report_files else '--probe'} is for one cluster")
    if options.report.force and not options.report.report_files:
        raise UsageError("--force requires --report")
    report_clusters(access, options.clusters, run, reports_view)
