"""The options of `podid doctor` and `podid audit`."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, ClassVar

from podid.domain.errors import Again, UsageError
from podid.domain.findings import LINKS, Severity
from podid.domain.option import argument, given_options, included, option, options, repeatable, switch
from podid.domain.section import READS, Cost
from podid.ops.clusters import ClusterOptions
from podid.ops.options import SERVICE_ACCOUNTS

if TYPE_CHECKING:
    from podid.domain.errors import ExitCode
    from podid.domain.names import ServiceAccountRef
    from podid.domain.report import DoctorReport

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
    ("--report", "--watch", "--report and --watch cannot be used together: --report is for one report"),
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
# for one cluster
_OF_ONE = {"--fix", "--fix-id", "--until-clean", "--watch", "--from", "--verify", "--probe", "--me", "--for"}
# allowed together with --me
_OF_ANYBODY = {"--me", "--for", "--all", "--fail-on", "--allow-unknown", "--fix-level", "--force"}


@options
class ReportOptions:
    list_checks: bool = switch("List the checks and exit.", name="--list")
    all_verdicts: bool = switch("Show passed checks as well.", name="--all")
    fail_on: str = option(
        "LEVEL",
        "Lowest severity that causes exit code 3: error, warn, info or never.",
        default="error",
        values=(*_LEVELS, "never"),
    )
    allow_unknown: bool = switch("Exit 0, not 9, if a check is unknown.")
    baseline: str = option("FILE", "Accepted findings, with reason and expiry date.")
    report_files: tuple[str, ...] = repeatable(
        "FILE",
        "Also write the report to FILE, in the format of its extension: .json, .sarif, .xml (JUnit), .md or .html.",
        name="--report",
    )
    force: bool = switch("Replace existing files.", consent=True)

    @property
    def level(self) -> Severity | None:
        """Return the lowest severity for exit code 3; None for never."""
        return None if self.fail_on == "never" else Severity(self.fail_on)

    def exit_code(self, report: DoctorReport) -> ExitCode:
        return report.exit_code(fail_on=self.level, allow_unknown=self.allow_unknown)


CHECK = repeatable("ID", "Run only this check.")
SKIP = repeatable("ID", "Skip this check.")


@options
class AuditOptions:
    HEADINGS: ClassVar = {"check": "Checks", "report": "Report", "clusters": "Clusters"}
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    check: tuple[str, ...] = CHECK
    skip: tuple[str, ...] = SKIP
    secrets: bool = switch("Also search Secrets for access keys.")
    probe: bool = switch(
        "Run a pod on a node of each group, to test access to the metadata service. Asks for confirmation."
    )
    policy: str = option(
        "FILE", "Also check the rules of this guard file. [default: PODID_GUARD, or the setting guard]"
    )
    report: ReportOptions = included(ReportOptions)
    clusters: ClusterOptions = included(ClusterOptions)

    @property
    def cost(self) -> Cost:
        more = {Cost.SECRETS: self.secrets, Cost.METADATA: self.probe}
        return reduce(or_, (cost for cost, chosen in more.items() if chosen), READS)


@options
class DoctorOptions:
    HEADINGS: ClassVar = {
        "check": "Checks",
        "logs": "Additional data",
        "report": "Report",
        "fix": "Fixes",
        "until_clean": "Repeated and saved reports",
        "clusters": "Several clusters, and the caller",
    }
    BRIEF: ClassVar = {"clusters": "podid list --help"}
    target: str = argument("[TARGET]", "NS/SA, pod/NS/NAME or deploy/NS/NAME.")
    check: tuple[str, ...] = CHECK
    skip: tuple[str, ...] = SKIP
    link: tuple[str, ...] = repeatable("LINK", "Run only the checks of this link, such as 6 or agent.", suggests=LINKS)
    logs: bool = switch("Read the agents' logs of the last hour.")
    cloudtrail: bool = switch("Read CloudTrail. Calls appear there after a few minutes.")
    verify: bool = switch("Redeem pod tokens, as podid verify does. Asks for confirmation.")
    probe: bool = switch("Run probe pods that request credentials. Asks for confirmation.")
    report: ReportOptions = included(ReportOptions)
    fix: bool = switch("Apply fixes that restart or install. Prompts for each.")
    fix_id: tuple[str, ...] = repeatable("ID", "Fix only this finding; permits grants and deletions.")
    fix_level: str = option(
        "LEVEL", "With --fix, the lowest severity to fix: error, warn or info.", default="warn", values=_LEVELS
    )
    until_clean: bool = switch("Repeat until exit code 0, for at most --timeout or 10m.")
    watch: bool = switch("Keep checking and show each report that differs.")
    save: str = option("FILE", "Save the data that podid read to this file.")
    saved: str = option("FILE", "Check the data of a saved file, offline.", name="--from")
    clusters: ClusterOptions = included(ClusterOptions)
    me: bool = switch("Check the caller's permissions instead, for podid doctor or the commands of --for.")
    for_command: tuple[str, ...] = repeatable(
        "COMMAND", "With --me, the command to check, such as 'role create'.", name="--for"
    )

    @property
    def fixes(self) -> bool:
        return self.fix or bool(self.fix_id)

    @property
    def cost(self) -> Cost:
        """Return the kinds of reads that are allowed."""
        more = {Cost.LOGS: self.logs, Cost.TRAIL: self.cloudtrail, Cost.TOKEN: self.verify, Cost.PROBE: self.probe}
        return reduce(or_, (cost for cost, chosen in more.items() if chosen), READS)

    def check_several(self) -> None:
        """Raise UsageError for flags that concern one cluster, for a report on several."""
        for name in given_options(self):
            if name == "--target" or name in _OF_ONE:
                typed = "TARGET" if name == "--target" else name
                raise UsageError(f"{typed} cannot be used with several clusters: specify one with --cluster")

    def check_together(self, *, dry_run: bool) -> None:
        """Raise UsageError for flags that cannot be used together, or that require each other."""
        used = {*given_options(self), *(("--dry-run",) if dry_run else ())}
        if self.me or self.for_command:
            if not self.me:
                message = "--for requires --me: it specifies the command whose permissions are checked"
                raise UsageError(message, hint=Again(add=("--me",)))
            if used - _OF_ANYBODY:
                raise UsageError(
                    "--me checks the caller's permissions: it cannot be used together with a target, checks or fixes"
                )
            return
        if dry_run and not self.fixes:
            raise UsageError("--dry-run requires --fix: it shows the plans of the fixes", hint=Again(add=("--fix",)))
        for some, others, message in _CONTRADICTIONS:
            if used.intersection(some.split()) and used.intersection(others.split()):
                raise UsageError(message)
