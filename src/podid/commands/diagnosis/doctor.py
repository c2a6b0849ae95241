"""podid doctor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.errors import Again, UsageError
from podid.domain.exit_codes import ExitCode
from podid.domain.findings import Verdict
from podid.domain.patience import Patience
from podid.domain.report import DoctorReport
from podid.domain.rights import CommandRights

if TYPE_CHECKING:
    from podid.domain.place import Place
    from podid.domain.sightings import Proof
    from podid.domain.snapshot import Section, Snapshot
    from podid.ops.doctor.scope import DoctorScope

UNTIL_CLEAN_SECONDS = 600.0
PAUSE_SECONDS = 5.0
FOREVER = float("inf")


def rights() -> CommandRights:
    from podid.checks.all import ALL
    from podid.ops.doctor.sections import optional_rights
    from podid.ops.doctor.sections import rights as rights_of_checks

    return CommandRights(rights_of_checks(ALL), optional_rights())


@command(shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, "yes", "journal_dir"), rights=rights, reports=True)
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
    if me or for_command:
        given = (
            target,
            check,
            skip,
            link,
            logs,
            cloudtrail,
            verify,
            probe,
            list_checks,
            baseline,
            fix,
            fix_id,
            until_clean,
            watch,
            save,
            saved,
        )
        _check_me(me=me, alone=not any(given))
        _show_own_rights(access, terminal, for_command or ("doctor",), options.namespace or "")
        return
    from podid.checks.all import BY_ID
    from podid.cli import saving, typed
    from podid.cli.hints import at_place
    from podid.cli.mending import carry_out
    from podid.domain.baseline import accept
    from podid.ops.doctor.collect import collect
    from podid.ops.doctor.diagnose import describe_checks, diagnose, select
    from podid.ops.doctor.fixes import mends
    from podid.ops.doctor.saved import of_namespace
    from podid.ops.doctor.scope import parse_target
    from podid.render.doctor import check_list_view, doctor_view
    from podid.render.formats import Report

    level = typed.severity(fail_on)
    checks = select(check or (), skip or (), link or ())
    select(fix_id or ())
    if (fix or fix_id) and watch:
        raise UsageError("--fix and --watch exclude each other: --watch only looks")
    if probe and watch:
        raise UsageError("--probe and --watch exclude each other: --watch only looks, and --probe runs pods")
    if until_clean and watch:
        raise UsageError("--until-clean and --watch exclude each other: the one ends when all is well, the other never")
    if (save or saved) and (watch or until_clean):
        raise UsageError("--save and --from are of one look, and --watch and --until-clean look again")
    if saved and (save or fix or fix_id):
        raise UsageError("--from reads what was seen then: nothing can be fixed or saved by it")
    if list_checks:
        terminal.emit(check_list_view(describe_checks(checks)))
        return
    chosen = {"logs": logs, "cloudtrail": cloudtrail, "verify": verify}
    collectors = tuple(name for name, wanted in chosen.items() if wanted)
    entries = typed.baseline(terminal, baseline, BY_ID)
    scope = parse_target(target or "", options.namespace or "")
    fixing = fix or bool(fix_id)
    if watch or until_clean or fixing:
        access.take_time()
    place = None if saved else access.place(for_change=probe)
    if (collectors or probe) and saved:
        raise UsageError("--from reads what was seen then: nothing more can be looked at")
    if verify or probe:
        _ask(terminal, probe=probe)
    replayed = saving.load(terminal, saved) if saved else None

    def read() -> Snapshot:
        if place is None:
            assert replayed is not None
            return of_namespace(replayed, scope.namespace, saved or "")
        with terminal.working(f"looking at cluster {place.cluster_name}"):
            snapshot = collect(access.clients, place, checks, now=access.runtime.now(), scope=scope, options=collectors)
            if probe:
                snapshot = replace(snapshot, probes=_probed(access, place, snapshot, scope))
        if save:
            saving.save(terminal, snapshot, save)
        return snapshot

    def look() -> DoctorReport:
        found = diagnose(read(), checks=checks, scope=scope)
        there = ("doctor", "--cluster", found.cluster_arn)
        found = found.with_commands(partial(at_place, argv=there) if saved else access.at_place)
        reckoning = accept(found, entries)
        for entry in reckoning.expired:
            terminal.note(f"{baseline}: {entry} is accepted no longer, since {entry.expires}")
        for entry in reckoning.idle:
            terminal.note(f"{baseline}: {entry} was not found, so the entry can go")
        return reckoning.report

    def show(report: DoctorReport) -> None:
        if isinstance(options.output, Report):
            terminal.write_report(report, options.output)
        else:
            terminal.emit(doctor_view(report, all_verdicts=all_verdicts))

    def code(report: DoctorReport) -> ExitCode:
        return report.exit_code(fail_on=level, allow_unknown=allow_unknown)

    if fixing:
        report = look()
        if terminal.for_person:
            show(report)  # what it is that is to be mended
        carry_out(mends(report, fix_id or ()), access.runtime, terminal, yes=options.yes)
    if watch:
        report = _watched(access.patience(FOREVER), look, show)
    elif until_clean:
        report = _cleared(access.patience(UNTIL_CLEAN_SECONDS), look, code)
        show(report)
    else:
        report = look()
        show(report)
    terminal.leave(code(report))


def _check_me(*, me: bool, alone: bool) -> None:
    if not me:
        raise UsageError("--for names the command whose rights --me looks at", hint=Again(add=("--me",)))
    if not alone:
        raise UsageError("--me looks at the caller, not at the cluster: no target, no checks and no fixes go with it")


def _ask(terminal: Terminal, *, probe: bool) -> None:
    question, needed_for = "Mint short-lived credentials of the pods' roles to look at them?", "Minting credentials"
    if probe:
        question = "Mint short-lived credentials of the pods' roles, and run at most 10 pods of podid's own?"
        needed_for += " and running podid's own pods"
    terminal.consent(question, needed_for=needed_for)


def _probed(
    access: Access, place: Place, snapshot: Snapshot, scope: DoctorScope
) -> Section[Mapping[str, Section[Proof]]]:
    from podid.ops.association.probing import PROBE_SECONDS, Probing
    from podid.ops.association.settling import LateChanges
    from podid.ops.doctor.probing import probe

    access.runtime.changing = True
    changes = LateChanges.read(access.journal, place.account, access.runtime.now())
    how = Probing(
        patience=access.patience(PROBE_SECONDS), journal=access.journal, command=access.runtime.argv, changes=changes
    )
    return probe(access.clients, place, snapshot, scope, how)


def _show_own_rights(access: Access, terminal: Terminal, commands: Sequence[str], namespace: str) -> None:
    from podid.cli.own_rights import look
    from podid.render.own_rights import own_rights_view

    with terminal.working("asking for the caller's rights"):
        found = look(access, commands, namespace)
    terminal.emit(own_rights_view(found))
    terminal.leave(found.exit_code)


def _watched(
    patience: Patience, look: Callable[[], DoctorReport], show: Callable[[DoctorReport], None]
) -> DoctorReport:
    """Ends with --timeout or a Ctrl-C."""
    shown: tuple[Verdict, ...] | None = None
    for _ in patience.rounds(PAUSE_SECONDS):
        if shown is not None and patience.over:
            break  # a look for which there is no time would find all unknown
        report = look()
        if report.verdicts != shown:
            show(report)
            shown = report.verdicts
    return report


def _cleared(
    patience: Patience, look: Callable[[], DoctorReport], code: Callable[[DoctorReport], ExitCode]
) -> DoctorReport:
    """The first report that asks for exit code 0, or the last one that there was time for."""
    report: DoctorReport | None = None
    for _ in patience.rounds(PAUSE_SECONDS):
        if report is not None and patience.over:
            break  # as above
        report = look()
        if code(report) is ExitCode.OK:
            break
        counts = report.summary
        patience.say(f"{counts.error} errors, {counts.warn} warnings, {counts.unknown} unknown")
    assert report is not None
    return report
