"""podid doctor."""

from typing import Annotated

import typer

from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.checks.all import ALL
    from podid.ops.doctor.sections import rights as rights_of_checks

    return CommandRights(rights_of_checks(ALL))


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES), rights=rights, reports=True)
def doctor(
    access: Access,
    terminal: Terminal,
    options: Shared,
    target: Annotated[
        str | None,
        typer.Argument(metavar="[TARGET]", help="NS/SA, pod/NS/NAME or deploy/NS/NAME.", show_default=False),
    ] = None,
    check: Annotated[
        list[str] | None,
        typer.Option("--check", metavar="ID", help="Only this check. Repeatable.", show_default=False),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option("--skip", metavar="ID", help="Not this check. Repeatable.", show_default=False)
    ] = None,
    list_checks: Annotated[bool, typer.Option("--list", help="List the checks and exit.")] = False,
    all_verdicts: Annotated[bool, typer.Option("--all", help="Show what passed as well.")] = False,
    fail_on: Annotated[
        str, typer.Option("--fail-on", metavar="LEVEL", help="error, warn, info or never: what makes exit code 3.")
    ] = "error",
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Exit 0, not 9, when an error-level check could not be decided.")
    ] = False,
) -> None:
    """Find the first broken link.

    Walks the whole chain from association to permissions. What could not be looked at is unknown, never fine: exit 9.
    Findings make exit 3.

    Example: podid doctor shop/orders
    """
    from podid.cli import typed
    from podid.ops.doctor.collect import collect
    from podid.ops.doctor.diagnose import describe_checks, diagnose, select
    from podid.ops.doctor.scope import parse_target
    from podid.render.doctor import check_list_view, doctor_view
    from podid.render.reports import Report

    level = typed.severity(fail_on)
    checks = select(check or (), skip or ())
    if list_checks:
        terminal.emit(check_list_view(describe_checks(checks)))
        return
    scope = parse_target(target or "", options.namespace or "")
    place = access.place()
    with terminal.working(f"looking at cluster {place.cluster_name}"):
        snapshot = collect(access.clients, place, checks, now=access.runtime.now(), scope=scope)
    report = diagnose(snapshot, checks=checks, scope=scope).with_commands(access.at_place)
    if isinstance(options.output, Report):
        terminal.write_report(report, options.output)
    else:
        terminal.emit(doctor_view(report, all_verdicts=all_verdicts))
    terminal.leave(report.exit_code(fail_on=level, allow_unknown=allow_unknown))
