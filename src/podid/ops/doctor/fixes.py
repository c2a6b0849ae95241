"""The findings that podid can fix, and the podid commands that fix them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from podid.domain.findings import FixClass, Severity, Verdict
from podid.domain.report import DoctorReport

# the effect of the commands of a class, for the confirmation
WORDS = {FixClass.ASK: "restarts or installs", FixClass.GRANT: "gives a role", FixClass.DELETE: "deletes"}


@dataclass(frozen=True, slots=True)
class AutoFix:
    """The fix of one finding. `commands` are argv lists that begin with podid, to run in this order."""

    verdict: Verdict
    kind: FixClass
    commands: tuple[tuple[str, ...], ...]


def auto_fixes(
    report: DoctorReport, only: Collection[str] = (), level: Severity = Severity.WARN
) -> tuple[tuple[AutoFix, ...], tuple[str, ...]]:
    """Return the fixes that podid runs, and the ids of those that require --fix-id.

    A fix is for a finding that no earlier broken link explains. The worst come first, and restarts last, because new
    pods depend on the other fixes. Equal fixes of two findings run once. Without ids in `only`, return the fixes of
    this severity or worse that neither give a role nor delete anything.
    """
    carried, chosen, skipped = set[tuple[tuple[str, ...], ...]](), list[AutoFix](), list[str]()
    for verdict in report.findings:
        fix = verdict.fix
        if verdict.masked_by or fix is None or fix.kind not in WORDS or not fix.commands:
            continue
        if only:
            included = verdict.check in only
        else:
            included = fix.kind is FixClass.ASK and verdict.severity.rank <= level.rank
            skipped += [] if included else [f"{verdict.check} ({WORDS[fix.kind]}, {verdict.severity})"]
        if included and fix.commands not in carried:
            carried.add(fix.commands)
            chosen.append(AutoFix(verdict, fix.kind, fix.commands))
    chosen.sort(key=lambda fix: any(command[1:2] == ("restart",) for command in fix.commands))
    return tuple(chosen), tuple(dict.fromkeys(skipped))


def fix_notes(
    report: DoctorReport, ids: Collection[str], planned: Collection[AutoFix], skipped: Collection[str]
) -> Iterator[str]:
    """Yield the reasons why findings have no fix that podid runs, for stderr."""
    if skipped:
        yield f"skipped; pass --fix-id to include them: {', '.join(skipped)}"
    failed = {verdict.check for verdict in report.findings}
    if absent := [name for name in ids if name not in failed]:
        yield f"not found, nothing to fix: {', '.join(absent)}"
    if not planned and not skipped and failed & set(ids or failed):
        yield "podid cannot carry out a fix for these findings"
