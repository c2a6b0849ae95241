"""podid audit."""

from __future__ import annotations

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, CONFIRM, KUBERNETES, NAMESPACES
from podid.domain.permissions import CommandPermissions
from podid.ops.doctor.request import AuditOptions
from podid.render.formats import Report


def permissions() -> CommandPermissions:
    from podid.aws.eks import Eks
    from podid.checks.all import AUDITED
    from podid.domain.permissions import OptionalPermission
    from podid.ops.reading import sections

    every = OptionalPermission.of("--all-clusters: listing the clusters", Eks.list_clusters)
    return CommandPermissions(sections.permissions(AUDITED), (*sections.optional_permissions(AUDITED), every))


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CONFIRM),
    permissions=permissions,
    formats=Report,
    several=("cluster",),
)
def audit(access: Access, options: AuditOptions) -> None:
    """Find excessive permissions and exposed identities.

    Checks trust policies and permissions of the roles, unused associations, access keys that are stored in the cluster,
    nodes whose metadata service answers pods, and who else can get the role of a service account. The command only
    reads. --secrets also reads Secrets. podid never prints or saves an access key. --probe runs a pod on a node of each
    group, and deletes it. --policy also checks your own rules.

    Example: podid audit

    Example: podid audit shop/orders --fail-on warn

    Example: podid audit -n shop -o sarif
    """
    from podid.checks.all import AUDITED
    from podid.cli.several import all_clusters, in_each_cluster
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

    clusters = all_clusters(access) if options.all_clusters else access.shared.several.get("cluster", ())
    if len(clusters) > 1 and isinstance(access.shared.output, Report):
        raise UsageError(f"-o {access.shared.output} is for one cluster")
    if options.report.report_files and (len(clusters) > 1 or options.all_clusters):
        raise UsageError("--report is for one cluster")
    if options.report.force and not options.report.report_files:
        raise UsageError("--force requires --report")
    in_each_cluster(access, run, clusters=clusters, together=reports_view)
