"""podid status."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from podid.cli.arguments import SERVICE_ACCOUNTS
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.option import option, switch
from podid.domain.rights import CommandRights

if TYPE_CHECKING:
    from podid.domain.report import DoctorReport
    from podid.render.view import View


def rights() -> CommandRights:
    from podid.checks.all import ALL
    from podid.ops.reading.sections import rights as rights_of_checks

    return CommandRights(rights_of_checks(ALL))


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES), rights=rights)
def status(
    access: Access,
    terminal: Terminal,
    targets: tuple[str, ...] = SERVICE_ACCOUNTS,
    require: str = option("configured|ready", "The state that every identity must reach.", default="ready"),
    allow_unknown: bool = switch("Exit 0, not 9, if something could not be checked."),
    watch: bool = switch("Keep checking and show each change."),
) -> None:
    """Show whether each identity works.

    An identity is a service account that has an association. It has the state of its worst pod: broken, stale,
    unknown, doubtful, configured or ready. podid verify redeems tokens and can show verified or proven.
    Checks all identities of the cluster, or those that you name with NS/SA or -n.
    Exit 0 if all reach the required state, 3 if one is broken or stale, 9 if one is below the required state.

    Example: podid status shop/orders --require ready
    """
    from podid.cli import typed
    from podid.cli.judging import check_associated, judge
    from podid.domain.status import IdentityState, exit_code
    from podid.ops.doctor import again
    from podid.ops.status.look import wanted_for
    from podid.render.status import counted, status_view

    required = typed.state(require, (IdentityState.CONFIGURED, IdentityState.READY))
    refs = typed.whose_pods(targets, access.shared, access.sources, everywhere=True)
    wanted = wanted_for(refs, namespace=access.shared.namespace or "")
    place = access.place()
    if watch:
        access.take_time()

    def once() -> DoctorReport:
        with terminal.working(f"checking cluster {place.cluster_name}"):
            found = judge(access, place, wanted)
        check_associated(place, found, refs)
        return found.report

    def view(report: DoctorReport) -> View:
        namespace = f"namespace {access.shared.namespace} of " if access.shared.namespace else ""
        where = f"{namespace}cluster {place.cluster_name}"
        single = len(refs) == 1
        return status_view(report.identities, single=single, short=terminal.for_person, where=where)

    def show(report: DoctorReport) -> None:
        terminal.emit(view(report))
        if len(report.identities) > 1:
            terminal.note(counted(report.identities))

    if watch:
        report = again.watch(access.patience(inf), once, show, of=lambda report: view(report).tables[0].rows)
    else:
        show(report := once())
    terminal.leave(exit_code(report.identities, required, allow_unknown=allow_unknown))
