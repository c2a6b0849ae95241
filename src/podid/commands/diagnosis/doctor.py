"""podid doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.rights import CommandRights, Rights


def rights() -> CommandRights:
    from podid.checks.all import ALL
    from podid.ops.doctor.sections import optional_rights
    from podid.ops.doctor.sections import rights as rights_of_checks

    return CommandRights(rights_of_checks(ALL), optional_rights())


def rights_for(
    check: list[str] | None,
    skip: list[str] | None,
    link: list[str] | None,
    target: str | None,
    namespace: str | None,
    **_: object,
) -> Rights:
    """What the checks that are chosen take, and finding the target."""
    from podid.ops.doctor.diagnose import select
    from podid.ops.doctor.scope import parse_target
    from podid.ops.doctor.sections import rights as rights_of_checks

    scope = parse_target(target or "", namespace or "")
    return rights_of_checks(select(check or (), skip or (), link or ()), scope.sections)


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, "yes", "journal_dir"),
    rights=rights,
    reports=True,
    rights_for=rights_for,
)
def doctor(
    access: Access,
    terminal: Terminal,
    options: Shared,
    target: Annotated[
        str | None, typer.Argument(metavar="[TARGET]", help="NS/SA, pod/NS/NAME or deploy/NS/NAME.")
    ] = None,
    check: Annotated[
        list[str] | None, typer.Option("--check", metavar="ID", help="Only this check. Repeatable.")
    ] = None,
    skip: Annotated[list[str] | None, typer.Option("--skip", metavar="ID", help="Not this check. Repeatable.")] = None,
    link: Annotated[
        list[str] | None, typer.Option("--link", metavar="LINK", help="Only this link, 6 or agent. Repeatable.")
    ] = None,
    logs: Annotated[bool, typer.Option("--logs", help="Read the agents' logs of the last hour as well.")] = False,
    cloudtrail: Annotated[
        bool, typer.Option("--cloudtrail", help="Read CloudTrail as well; calls show there some minutes late.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Redeem tokens of pods as well, as podid verify does; asks first.")
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Run pods of podid's own as well, which ask the agent; asks first.")
    ] = False,
    list_checks: Annotated[bool, typer.Option("--list", help="List the checks and exit.")] = False,
    all_verdicts: Annotated[bool, typer.Option("--all", help="Show what passed as well.")] = False,
    fail_on: Annotated[
        str, typer.Option("--fail-on", metavar="LEVEL", help="error, warn, info or never: what makes exit code 3.")
    ] = "error",
    allow_unknown: Annotated[
        bool, typer.Option("--allow-unknown", help="Exit 0, not 9, when an error-level check could not be decided.")
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline", metavar="FILE", help="Findings that are accepted, with reason and expiry, and do not count."
        ),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Carry out the fixes that podid has a command for, asking before each.")
    ] = False,
    fix_id: Annotated[
        list[str] | None,
        typer.Option("--fix-id", metavar="ID", help="As --fix, for findings of this id alone. Repeatable."),
    ] = None,
    until_clean: Annotated[
        bool, typer.Option("--until-clean", help="Look again until the exit code is 0, at most --timeout, or 10m.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again and again, and show each report that differs.")
    ] = False,
    save: Annotated[
        str | None, typer.Option("--save", metavar="FILE", help="Write what was read to this file too.")
    ] = None,
    saved: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help="Judge what --save wrote, without any access.")
    ] = None,
    me: Annotated[
        bool, typer.Option("--me", help="Look at the rights of the caller instead, for this command or --for's.")
    ] = False,
    for_command: Annotated[
        list[str] | None,
        typer.Option(
            "--for", metavar="COMMAND", help='With --me: the command, such as associate or "role create". Repeatable.'
        ),
    ] = None,
) -> None:
    """Find the first broken link.

    Walks the whole chain from association to permissions. What could not be looked at is unknown, never fine: exit 9.
    Findings make exit 3. With --logs it also names what the agents' logs of the last hour show.
    --cloudtrail reads which tokens were not redeemed, and how large pods' sessions are; --verify redeems tokens of at
    most 20 service accounts, and drops the credentials; --probe runs one pod of podid's own for each of at most 10,
    which asks the agent who it is, and deletes it. Both ask first, or need --yes.
    With --me it simulates the caller's own rights, prints the policy and the Role that grant what
    is missing, and ends with 3 then.

    Example: podid doctor shop/orders
    """
    from podid.checks.all import BY_ID
    from podid.cli import typed
    from podid.cli.doctoring import DoctorAsked, check_me, check_together, doctor_in, show_own_rights
    from podid.ops.doctor.diagnose import describe_checks, select
    from podid.ops.doctor.scope import parse_target
    from podid.render.doctor import check_list_view

    given = {
        "TARGET": target,
        "--check": check,
        "--skip": skip,
        "--link": link,
        "--logs": logs,
        "--cloudtrail": cloudtrail,
        "--verify": verify,
        "--probe": probe,
        "--list": list_checks,
        "--baseline": baseline,
        "--fix": fix,
        "--fix-id": fix_id,
        "--until-clean": until_clean,
        "--watch": watch,
        "--save": save,
        "--from": saved,
    }
    if me or for_command:
        check_me(given, me=me)
        show_own_rights(access, terminal, for_command or ("doctor",))
        return
    level, checks = typed.severity(fail_on), select(check or (), skip or (), link or ())
    select(fix_id or ())
    check_together(given)
    if list_checks:
        terminal.emit(check_list_view(describe_checks(checks)))
        return
    collectors = {"logs": logs, "cloudtrail": cloudtrail, "verify": verify}
    asked = DoctorAsked(
        scope=parse_target(target or "", options.namespace or ""),
        checks=checks,
        collectors=tuple(name for name, wanted in collectors.items() if wanted),
        probe=probe,
        baseline=baseline or "",
        accepted=typed.baseline(terminal, baseline, BY_ID),
        fixing=fix or bool(fix_id),
        fix_ids=fix_id or (),
        until_clean=until_clean,
        watch=watch,
        save=save or "",
        saved=saved or "",
        all_verdicts=all_verdicts,
        level=level,
        allow_unknown=allow_unknown,
    )
    doctor_in(access, terminal, asked)
