"""The options of `podid doctor`."""

from __future__ import annotations

from functools import reduce
from operator import or_

from podid.domain.errors import Again, UsageError
from podid.domain.findings import LINKS, Severity
from podid.domain.option import argument, given_options, option, options, several, switch
from podid.domain.section import READS, Cost

_LEVELS = ("error", "warn", "info")
# flags, flags that cannot be used together with them, and the message
_CONTRADICTIONS = (
    ("--fix --fix-id", "--watch", "--fix and --watch cannot be used together: --watch only checks"),
    (
        "--dry-run",
        "--until-clean --probe",
        "--dry-run changes nothing: it cannot be used together with --until-clean or --probe",
    ),
    ("--probe", "--watch", "--probe and --watch cannot be used together: --watch only checks, and --probe runs pods"),
    ("--until-clean", "--watch", "--until-clean and --watch cannot be used together"),
    (
        "--save --from",
        "--watch --until-clean",
        "--save and --from are for one report: they cannot be used together with --watch or --until-clean",
    ),
    (
        "--from",
        "--save --fix --fix-id",
        "--from reads a saved snapshot: it cannot be used together with --save or --fix",
    ),
    (
        "--from",
        "--logs --cloudtrail --verify --probe",
        "--from reads a saved snapshot only: it cannot be used together with --logs, --cloudtrail, --verify or --probe",
    ),
)
# allowed together with --me
_OF_ANYBODY = {"--me", "--for", "--all", "--fail-on", "--allow-unknown", "--fix-level", "--force"}


@options
class DoctorOptions:
    target: str = argument("[TARGET]", "NS/SA, pod/NS/NAME or deploy/NS/NAME.", default="")
    check: tuple[str, ...] = several("ID", "Only this check. Repeatable.")
    skip: tuple[str, ...] = several("ID", "Not this check. Repeatable.")
    link: tuple[str, ...] = several("LINK", "Only this link, 6 or agent. Repeatable.", suggests=LINKS)
    logs: bool = switch("Also read the agents' logs of the last hour.")
    cloudtrail: bool = switch("Also read CloudTrail, where calls appear some minutes later.")
    verify: bool = switch("Also redeem pod tokens, as podid verify does. Requires confirmation.")
    probe: bool = switch("Also run probe pods, which request credentials from the agent. Requires confirmation.")
    list_checks: bool = switch("List the checks and exit.", name="--list")
    all_verdicts: bool = switch("Also show passed checks.", name="--all")
    fail_on: str = option(
        "LEVEL",
        "Lowest severity for exit code 3: error, warn, info or never.",
        default="error",
        values=(*_LEVELS, "never"),
    )
    allow_unknown: bool = switch("Exit 0 instead of 9 if an error-level check is unknown.")
    baseline: str = option("FILE", "Accepted findings, with reason and expiry date. They do not count.", default="")
    fix: bool = switch(
        "Restart workloads and install the agent to fix findings. Shows each plan and asks for confirmation."
    )
    fix_id: tuple[str, ...] = several(
        "ID", "As --fix, for this id only. Also fixes that give a role or delete. Repeatable."
    )
    fix_level: str = option(
        "LEVEL", "Lowest severity that --fix fixes: error, warn or info.", default="warn", values=_LEVELS
    )
    until_clean: bool = switch("Repeat until the exit code is 0, for at most --timeout (default 10m).")
    watch: bool = switch("Repeat, and show each report that differs.")
    save: str = option("FILE", "Also save the snapshot to this file.", default="")
    force: bool = switch("Replace the file of --save if it exists.", consent=True)
    saved: str = option(
        "FILE", "Check a snapshot of --save, without access to AWS or the cluster.", name="--from", default=""
    )
    me: bool = switch("Check the caller's own permissions, for this command or that of --for.")
    for_command: tuple[str, ...] = several(
        "COMMAND", 'With --me: the command, such as associate or "role create". Repeatable.', name="--for"
    )

    @property
    def fixes(self) -> bool:
        return self.fix or bool(self.fix_id)

    @property
    def level(self) -> Severity | None:
        """Return the lowest severity for exit code 3; None for never."""
        return None if self.fail_on == "never" else Severity(self.fail_on)

    @property
    def cost(self) -> Cost:
        """Return the kinds of reads that are allowed."""
        more = {Cost.LOGS: self.logs, Cost.TRAIL: self.cloudtrail, Cost.TOKEN: self.verify, Cost.PROBE: self.probe}
        return reduce(or_, (cost for cost, chosen in more.items() if chosen), READS)

    def check_together(self, *, dry_run: bool) -> None:
        """Raise UsageError for flags that cannot be used together, or that require each other."""
        given = {*given_options(self), *(("--dry-run",) if dry_run else ())}
        if self.me or self.for_command:
            if not self.me:
                raise UsageError(
                    "--for requires --me: it specifies the command whose permissions are checked",
                    hint=Again(add=("--me",)),
                )
            if given - _OF_ANYBODY:
                raise UsageError(
                    "--me checks the caller's permissions: it cannot be used together with a target, checks or fixes"
                )
            return
        if dry_run and not self.fixes:
            raise UsageError("--dry-run requires --fix: it shows the plans of the fixes", hint=Again(add=("--fix",)))
        for some, others, message in _CONTRADICTIONS:
            if given.intersection(some.split()) and given.intersection(others.split()):
                raise UsageError(message)
