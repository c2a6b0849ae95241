"""podid status."""

from __future__ import annotations

from functools import partial
from math import inf
from typing import TYPE_CHECKING

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.names import ServiceAccountRef
from podid.domain.option import option, options, switch
from podid.domain.status import IdentityState, exit_code
from podid.ops.options import ALLOW_UNKNOWN, SERVICE_ACCOUNTS
from podid.ops.status.request import read_state
from podid.render.view import View

if TYPE_CHECKING:
    from podid.domain.report import DoctorReport


@options
class StatusOptions:
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    require: IdentityState = option(
        "configured|ready",
        "State that every identity must reach.",
        default=IdentityState.READY,
        read=partial(read_state, allowed=(IdentityState.CONFIGURED, IdentityState.READY)),
    )
    allow_unknown: bool = ALLOW_UNKNOWN
    watch: bool = switch("Keep checking and show each change.")


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, "journal_dir"), needs="CHECKING")
def status(access: Access, options: StatusOptions) -> None:
    """Show whether each identity works.

    An identity is a service account with an association. Its state is the worst state of its pods: broken, stale,
    unknown, doubtful, configured or ready. podid verify redeems tokens and can show verified or proven. Without NS/SA
    or -n, podid checks all identities of the cluster. Exit 0 if all reach the required state, 3 if one is broken or
    stale, 9 if one is below the required state.

    Example: podid status

    Example: podid status shop/orders --require ready

    Example: podid status -n shop --watch
    """
    from podid.ops.association.read import check_identities
    from podid.ops.doctor.examine import watch
    from podid.ops.status.diagnose import wanted_for
    from podid.render.status import counted, status_view

    refs, namespace = options.service_accounts, access.shared.namespace
    access.check_whose_pods(refs, everywhere=True)
    selection = wanted_for(refs, namespace=namespace or "")
    place = access.place()
    if options.watch:
        access.take_time()

    def once() -> DoctorReport:
        with access.terminal.working(f"checking cluster {place.cluster_name}"):
            diagnosis = access.examine(place, selection)
        check_identities(diagnosis.snapshot, diagnosis.report.identities, place, refs)
        return diagnosis.report

    def view(report: DoctorReport) -> View:
        where = f"{f'namespace {namespace} of ' if namespace else ''}cluster {place.cluster_name}"
        single = len(refs) == 1
        return status_view(report.identities, single=single, short=access.terminal.for_person, where=where)

    def show(report: DoctorReport) -> None:
        access.terminal.emit(view(report))
        if len(report.identities) > 1:
            access.terminal.note(counted([status.state for status in report.identities]))
        if len(refs) != 1 and exit_code(report.identities, IdentityState.READY):
            access.terminal.note("podid doctor shows the causes and the commands that fix them.")

    if options.watch:
        report = watch(
            access.patience(inf),
            once,
            lambda report: access.terminal.emit_again(view(report), report.taken_at),
            of=lambda report: view(report).tables[0].rows,
            always=access.terminal.redraws,
        )
    else:
        show(report := once())
    access.terminal.leave(exit_code(report.identities, options.require, allow_unknown=options.allow_unknown))
