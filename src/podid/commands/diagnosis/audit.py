"""podid audit."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, CONFIRM, KUBERNETES, NAMESPACES, SEVERAL
from podid.domain.errors import UsageError
from podid.ops.doctor.request import AuditOptions
from podid.render.formats import Report


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CONFIRM),
    needs="AUDITING",
    optional=("OPTIONS_OF_AUDIT SEVERAL_CLUSTERS",),
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
    from podid.cli.several import are_several
    from podid.commands.diagnosis.examine import audit_cluster, report_each, report_files
    from podid.ops.status.diagnose import describe_checks, select
    from podid.render.doctor import check_list_view, doctor_view
    from podid.render.reports import file_text, write_reports

    checks = select(options.check, options.skip, command="audit")
    if options.report.list_checks:
        access.terminal.emit(check_list_view(describe_checks(checks)))
        return

    if options.report.force and not options.report.report_files:
        raise UsageError("--force requires --report")
    if are_several(access, options.clusters):
        if options.probe:
            raise UsageError("--probe cannot be used with several clusters")
        report_each(access, options.report, options.clusters, lambda local: audit_cluster(local, options, checks))
        return
    write = report_files(access, options.report)
    report, output, every = audit_cluster(access, options, checks), access.shared.output, options.report.all_verdicts
    if isinstance(output, Report):
        access.terminal.write_report(write_reports(output, (report,)), output)
    else:
        access.terminal.emit(doctor_view(report, all_verdicts=every))
    write(lambda name: file_text(name, (report,), all_verdicts=every))
    access.terminal.leave(options.report.exit_code(report))
