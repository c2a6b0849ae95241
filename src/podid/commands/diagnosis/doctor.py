"""podid doctor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial, reduce
from math import inf
from operator import or_
from typing import TYPE_CHECKING

from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES, NAMESPACES
from podid.domain.cost import LOOK, Cost
from podid.domain.errors import AccessDenied, Again, UsageError
from podid.domain.exit_codes import ExitCode
from podid.domain.findings import Severity
from podid.domain.links import LINKS
from podid.domain.option import argument, option, several, switch
from podid.domain.place import Place
from podid.domain.rights import CommandRights, Rights
from podid.domain.words import did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podid.cli.output_file import OutputFile
    from podid.domain.baseline import Accepted
    from podid.domain.findings import Verdict
    from podid.domain.report import DoctorReport
    from podid.domain.snapshot import Snapshot
    from podid.kube.reader import KubeReader
    from podid.ops.reading.scope import DoctorScope
    from podid.ops.status.diagnose import Checks

_LEVELS = ("error", "warn", "info")
# of a saved snapshot: twenty thousand pods are some 20 MiB
MOST_MIB = 256
# flags of which none of the first goes with one of the second
_CONTRADICTIONS = (
    ("--fix --fix-id", "--watch", "--fix and --watch exclude each other: --watch only looks"),
    ("--dry-run", "--until-clean --probe", "--dry-run changes nothing: --until-clean and --probe do not go with it"),
    ("--probe", "--watch", "--probe and --watch exclude each other: --watch only looks, and --probe runs pods"),
    ("--until-clean", "--watch", "--until-clean and --watch cannot be used together"),
    ("--save --from", "--watch --until-clean", "--save and --from are of one look, not of --watch or --until-clean"),
    ("--from", "--save --fix --fix-id", "--from reads what was seen then: nothing can be fixed or saved by it"),
    ("--from", "--logs --cloudtrail --verify --probe", "--from reads what was seen then, and nothing more"),
)


def rights() -> CommandRights:
    from podid.checks.all import ALL
    from podid.ops.reading.sections import optional_rights
    from podid.ops.reading.sections import rights as rights_of_checks

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
    from podid.ops.reading.scope import parse_target
    from podid.ops.reading.sections import rights as rights_of_checks
    from podid.ops.status.diagnose import select

    scope = parse_target(target or "", namespace or "")
    return rights_of_checks(select(check or (), skip or (), link or ()), scope.sections)


@command(
    shared=(*CLUSTER, *KUBERNETES, *NAMESPACES, *CHANGE),
    rights=rights,
    reports=True,
    rights_for=rights_for,
)
def doctor(
    access: Access,
    terminal: Terminal,
    target: str | None = argument("[TARGET]", "NS/SA, pod/NS/NAME or deploy/NS/NAME.", default=None),
    check: tuple[str, ...] = several("ID", "Only this check. Repeatable."),
    skip: tuple[str, ...] = several("ID", "Not this check. Repeatable."),
    link: tuple[str, ...] = several("LINK", "Only this link, 6 or agent. Repeatable.", suggests=LINKS),
    logs: bool = switch("Read the agents' logs of the last hour as well."),
    cloudtrail: bool = switch("Read CloudTrail as well; calls show there some minutes late."),
    verify: bool = switch("Redeem tokens of pods as well, as podid verify does; asks first."),
    probe: bool = switch("Run pods of podid's own as well, which ask the agent; asks first."),
    list_checks: bool = switch("List the checks and exit.", name="--list"),
    all_verdicts: bool = switch("Show what passed as well.", name="--all"),
    fail_on: str = option(
        "LEVEL", "error, warn, info or never: what makes exit code 3.", default="error", values=(*_LEVELS, "never")
    ),
    allow_unknown: bool = switch("Exit 0, not 9, when an error-level check could not be decided."),
    baseline: str | None = option("FILE", "Findings that are accepted, with reason and expiry, and do not count."),
    fix: bool = switch("Restart and install what findings ask for; each plan is shown and asked about."),
    fix_id: tuple[str, ...] = several(
        "ID", "As --fix, for this id alone, also where it gives a role or deletes. Repeatable."
    ),
    fix_level: str = option(
        "LEVEL", "With --fix: error, warn or info, the least severe.", default="warn", values=_LEVELS
    ),
    until_clean: bool = switch("Check again until the exit code is 0, at most --timeout, or 10m."),
    watch: bool = switch("Keep checking and show each report that differs."),
    save: str | None = option("FILE", "Write what was read to this file too."),
    force: bool = switch("Replace the file of --save if it exists.", consent=True),
    saved: str | None = option("FILE", "Judge what --save wrote, without any access.", name="--from"),
    me: bool = switch("Check the rights of the caller instead, for this command or --for's."),
    for_command: tuple[str, ...] = several(
        "COMMAND", 'With --me: the command, such as associate or "role create". Repeatable.', name="--for"
    ),
) -> None:
    """Find the first broken link.

    Walks the whole chain from association to permissions. What could not be checked is unknown, and makes exit 9.
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
    from podid.cli.mending import carry_out, fixable, show_plans
    from podid.ops.doctor import again
    from podid.ops.reading.saved import of_scope, read_snapshot
    from podid.ops.reading.scope import parse_target
    from podid.ops.reading.sections import OPTIONS
    from podid.ops.status.diagnose import describe_checks, select
    from podid.render.doctor import check_list_view, doctor_view
    from podid.render.formats import Report

    asked = {Cost.LOGS: logs, Cost.TRAIL: cloudtrail, Cost.TOKEN: verify, Cost.PROBE: probe}
    given = {
        "TARGET": target,
        "--check": check,
        "--skip": skip,
        "--link": link,
        **{OPTIONS[cost]: wanted for cost, wanted in asked.items()},
        "--list": list_checks,
        "--baseline": baseline,
        "--fix": fix,
        "--fix-id": fix_id,
        "--dry-run": access.shared.dry_run,
        "--until-clean": until_clean,
        "--watch": watch,
        "--save": save,
        "--from": saved,
    }
    if me or for_command:
        _check_me(given, me=me)
        _show_own_rights(access, terminal, for_command or ("doctor",))
        return
    level, checks = typed.severity(fail_on), select(check or (), skip or (), link or ())
    select(fix_id or ())
    _check_together(given)
    if list_checks:
        terminal.emit(check_list_view(describe_checks(checks)))
        return
    scope = parse_target(target or "", access.shared.namespace or "")
    accepted = typed.baseline(terminal, baseline, BY_ID)
    fixing, least = fix or bool(fix_id), fix_level

    def show(report: DoctorReport) -> None:
        if isinstance(access.shared.output, Report):
            terminal.write_report(report, access.shared.output)
        else:
            terminal.emit(doctor_view(report, all_verdicts=all_verdicts))

    def code(report: DoctorReport) -> ExitCode:
        return report.exit_code(fail_on=level, allow_unknown=allow_unknown)

    if force and not save:
        raise UsageError("--force goes with --save")
    output = terminal.file_to_write(save, force=force) if save else None
    if watch or until_clean or fixing:
        access.take_time()
    seen: Place | Snapshot
    if saved:
        seen = read_snapshot(terminal.read_file(saved, most_mib=MOST_MIB), saved)
        seen = of_scope(seen, scope, saved)
    else:
        seen = access.place(for_change=probe)
    if probe or verify:
        _ask(terminal, probe=probe)
    look = _Looking(
        access=access,
        terminal=terminal,
        at=seen,
        scope=scope,
        checks=checks,
        cost=reduce(or_, (cost for cost, wanted in asked.items() if wanted), LOOK),
        save=output,
        baseline=baseline or "",
        accepted=accepted,
    )
    report = look.once() if fixing else None
    if report is not None:
        planned = fixable(report, fix_id or (), Severity(least), terminal)
        if access.shared.dry_run:
            show_plans(planned, access.runtime, terminal, report.cluster)
            return
        if planned:
            if terminal.for_person:
                show(report)  # what it is that is to be fixed
            carry_out(planned, access.runtime, terminal, yes=access.shared.yes, still=look.still_found)
            report = None
    if watch:
        report = again.watch(access.patience(inf), look.once, show)
    elif until_clean:
        patience = access.patience(again.UNTIL_CLEAN_SECONDS)
        report = again.until_clean(patience, look.once, lambda found: code(found) is ExitCode.OK)
    elif report is None:
        report = look.once()
    if not watch:
        show(report)
    terminal.leave(code(report))


def _check_together(given: Mapping[str, object]) -> None:
    """Raises UsageError for flags that exclude or need each other; `given` has the values of all, by their names."""
    if given["--dry-run"] and not (given["--fix"] or given["--fix-id"]):
        raise UsageError("--dry-run shows the plans of --fix", hint=Again(add=("--fix",)))
    for some, others, what in _CONTRADICTIONS:
        if any(given[flag] for flag in some.split()) and any(given[flag] for flag in others.split()):
            raise UsageError(what)


def _check_me(given: Mapping[str, object], *, me: bool) -> None:
    """Raises UsageError for what has no meaning with --me and --for."""
    if not me:
        raise UsageError("--for names the command whose rights --me looks at", hint=Again(add=("--me",)))
    if any(given.values()):
        raise UsageError("--me looks at the caller, not at the cluster: no target, no checks and no fixes go with it")


def _ask(terminal: Terminal, *, probe: bool) -> None:
    question, needed_for = "Mint short-lived credentials of the pods' roles to look at them?", "Minting credentials"
    if probe:
        question = "Mint short-lived credentials of the pods' roles, and run at most 10 pods of podid's own?"
        needed_for += " and running podid's own pods"
    terminal.consent(question, needed_for=needed_for)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looking:
    """One look, as often as it is wanted: at the cluster of a place, or `at` what was seen then. `cost` is what may be
    read; `accepted` are the entries of the file `baseline`; `save` is a file."""

    access: Access
    terminal: Terminal
    at: Place | Snapshot
    scope: DoctorScope
    checks: Checks
    cost: Cost
    save: OutputFile | None
    baseline: str
    accepted: tuple[Accepted, ...]

    def once(self, *, quiet: bool = False) -> DoctorReport:
        """The report, with what the baseline accepts told apart; `quiet` says nothing of the baseline itself."""
        from podid.cli.hints import at_place
        from podid.domain.baseline import accept
        from podid.ops.status.diagnose import diagnose

        def adjust(report: DoctorReport) -> DoctorReport:
            there = ("doctor", "--cluster", report.cluster_arn)
            live = isinstance(self.at, Place)
            report = report.with_commands(self.access.at_place if live else partial(at_place, argv=there))
            reckoning = accept(report, self.accepted)
            for entry in reckoning.expired if not quiet else ():
                self.terminal.note(f"{self.baseline}: {entry} is accepted no longer, since {entry.expires}")
            for entry in reckoning.idle if not quiet else ():
                self.terminal.note(f"{self.baseline}: {entry} was not found, so the entry can go")
            return reckoning.report

        return diagnose(self._read(), checks=self.checks, scope=self.scope, adjust=adjust)

    def still_found(self, verdict: Verdict, command: tuple[str, ...]) -> bool:
        """Whether the finding is there still, and is fixed by this command."""
        from podid.ops.status.diagnose import select

        again = replace(self, checks=select((verdict.check,)), cost=self.cost & ~Cost.PROBE, save=None)
        found = again.once(quiet=True).findings
        return any(each.check == verdict.check and each.fix and command in each.fix.commands for each in found)

    def _read(self) -> Snapshot:
        from podid.cli.changing import probing
        from podid.ops.reading.collect import Wanted, collect
        from podid.ops.reading.saved import snapshot_text
        from podid.version import VERSION

        access, place = self.access, self.at
        if not isinstance(place, Place):
            return place
        with self.terminal.working(f"looking at cluster {place.cluster_name}"):
            wanted = Wanted(checks=self.checks, scope=self.scope, cost=self.cost)
            snapshot = collect(
                access.clients,
                place,
                wanted,
                now=access.runtime.now(),
                journal=access.journal_to_read,
                probing=probing(access) if Cost.PROBE in self.cost else None,
            )
        if self.save:
            self.save.write(snapshot_text(snapshot, VERSION).encode())
            self.terminal.note(f"written to {self.save.name}")
        return snapshot


# --- the caller's own rights ------------------------------------------------------------------------------------------


def _show_own_rights(access: Access, terminal: Terminal, names: Sequence[str]) -> None:
    """`podid doctor --me`, for the commands of these names. The cluster itself is read only on the way into it, so that
    a caller who may not do that has an answer too."""
    from podid.ops.doctor.own_rights import own_rights
    from podid.render.own_rights import own_rights_view

    def reader() -> KubeReader:
        try:
            return access.kube.reader
        except AccessDenied as error:
            error.what = f"there is no way into the cluster: {error.what}"
            raise

    with terminal.working("asking for the caller's rights"):
        commands, needed = rights_of_commands(names)
        iam, where = access.clients.iam, access.who_and_where()
        found = own_rights(iam, reader, where, needed, commands=commands, namespace=access.shared.namespace or "")
    terminal.emit(own_rights_view(found))
    terminal.leave(found.exit_code)


def rights_of_commands(names: Sequence[str]) -> tuple[tuple[str, ...], CommandRights]:
    """The commands' names, and what all of them need together. UsageError for what is no command."""
    from podid.cli.tree import COMMANDS

    known = {row.name: row for row in COMMANDS}
    wanted = tuple(dict.fromkeys(" ".join(name.split()).removeprefix("podid ") for name in names))
    total = CommandRights()
    for given, name in zip(names, wanted, strict=False):
        if name not in known:
            near = nearest(name, known, 1)
            raise UsageError(
                f"There is no command {name!r} to have rights for{did_you_mean(name, known, 1)}",
                hint=Again(swap=(given, near[0])) if near else (),
                subject=name,
            )
        found = known[name].load().all_rights()
        optional = dict.fromkeys((*total.optional, *found.optional))
        total = replace(total, always=total.always | found.always, optional=tuple(optional))
    return wanted, total
