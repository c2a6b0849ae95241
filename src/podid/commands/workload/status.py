"""podid status."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Annotated

import typer

from podid.cli.arguments import AnyServiceAccounts
from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.rights import CommandRights
from podid.domain.status import IdentityState

if TYPE_CHECKING:
    from podid.domain.report import DoctorReport


def rights() -> CommandRights:
    from podid.checks.all import ALL
    from podid.ops.reading.sections import rights as rights_of_checks

    return CommandRights(rights_of_checks(ALL))


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES), rights=rights)
def status(
    access: Access,
    terminal: Terminal,
    options: Shared,
    targets: AnyServiceAccounts = None,
    require: Annotated[
        str, typer.Option("--require", metavar="STATE", help="configured or ready: what every identity must reach.")
    ] = "ready",
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Exit 0, not 9, where something could not be checked.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Check again and again, and show each change.")] = False,
) -> None:
    """Show whether each identity works.

    An identity is a service account that has an association. Its state is that of its worst pod: broken, stale,
    unknown, doubtful, configured or ready. podid verify can show that one is verified. Without a service account or a
    namespace, all identities of the cluster are checked.
    Exit 0 where all reach the required state, 3 where one is broken or stale, 9 where one is less than required.

    Example: podid status
    Example: podid status shop/orders --require ready
    """
    from podid.cli import typed
    from podid.cli.judging import check_associated, judge
    from podid.domain.status import exit_code
    from podid.ops.doctor import again
    from podid.ops.status.look import wanted_for
    from podid.render.status import counted, status_view

    required = typed.state(require, (IdentityState.CONFIGURED, IdentityState.READY))
    refs = typed.whose_pods(targets, options, access.sources, everywhere=True)
    wanted = wanted_for(refs, namespace=options.namespace or "")
    place = access.place()
    if watch:
        access.take_time()

    def once() -> DoctorReport:
        with terminal.working(f"checking cluster {place.cluster_name}"):
            found = judge(access, place, wanted)
        check_associated(access, place, found, refs)
        return found.report

    def show(report: DoctorReport) -> None:
        terminal.emit(status_view(report.identities, single=len(refs) == 1))
        if len(report.identities) > 1:
            terminal.note(counted(report.identities))

    if watch:
        report = again.watch(access.patience(inf), once, show)
    else:
        show(report := once())
    terminal.leave(exit_code(report.identities, required, allow_unknown=allow_unknown))
