"""podid audit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, CONFIRM, KUBERNETES, NAMESPACES, SEVERAL
from podid.domain.errors import UsageError
from podid.domain.plan import Consent
from podid.ops.doctor.request import AuditOptions
from podid.render.formats import Report

if TYPE_CHECKING:
    from podid.domain.report import DoctorReport
    from podid.ops.status.diagnose import Checks


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CONFIRM),
    needs="AUDITING",
    optional=("OPTIONS_OF_AUDIT SEVERAL_CLUSTERS",),
    formats=tuple(Report),
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
    from podid.commands.diagnosis.reporting import Reporting
    from podid.ops.status.diagnose import describe_checks, select
    from podid.render.doctor import check_list_view

    checks = select(options.check, options.skip, command="audit")
    if options.report.list_checks:
        access.terminal.emit(check_list_view(describe_checks(checks)))
        return

    if options.report.force and not options.report.report_files:
        raise UsageError("--force requires --report")
    reporting = Reporting(access, options.report, options.clusters)
    if reporting.several and options.probe:
        raise UsageError("--probe cannot be used with several clusters")
    reporting.show_each(lambda local: _audited(local, options, checks))


def _audited(access: Access, options: AuditOptions, checks: Checks) -> DoctorReport:
    from podid.commands.diagnosis.examine import collecting, examination_of
    from podid.ops.declare.files import read_guard
    from podid.ops.reading.scope import DoctorScope, parse_target

    terminal, refs = access.terminal, options.service_accounts
    access.check_whose_pods(refs, everywhere=True)
    scope = DoctorScope.of(refs) if refs else parse_target(namespace=access.shared.namespace or "")
    examination = examination_of(access, options, checks, scope)
    guard = options.policy or access.guard_file[0]
    guards = (read_guard(guard, read_file=terminal.read_file),) if guard else ()
    place = access.place(for_change=options.probe)
    if options.probe:
        question = "Run at most 10 probe pods, which request credentials of the nodes' roles?"
        terminal.consent(Consent(question=question, needed_for="Running probe pods"))

    collect = collecting(access, place, access.clients.for_many_roles())
    return examination(
        collect=lambda request: replace(collect(request), guards=guards), with_commands=access.with_commands
    ).audit()
