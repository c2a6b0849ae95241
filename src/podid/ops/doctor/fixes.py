"""Which findings podid can fix by itself, and with which of its own commands."""

from collections.abc import Collection
from dataclasses import dataclass

from podid.domain.findings import FixClass, Severity, Verdict
from podid.domain.report import RANK, DoctorReport

# what the commands of a class do, for the person who says yes
WORDS = {FixClass.ASK: "restarts or installs", FixClass.GRANT: "gives a role", FixClass.DELETE: "deletes"}


@dataclass(frozen=True, slots=True)
class Mend:
    """What one finding asks for. `commands` are argv lists that begin with podid, to be carried out in order."""

    verdict: Verdict
    kind: FixClass
    commands: tuple[tuple[str, ...], ...]


def mends(
    report: DoctorReport, only: Collection[str] = (), level: Severity = Severity.WARN
) -> tuple[tuple[Mend, ...], tuple[str, ...]]:
    """One for each finding that no earlier broken link explains and whose fix podid carries out, the worst first and
    restarts last: new pods need all else. Beside them the ids of those that are left out because they have to be named.
    What two findings ask for alike is done once.

    Without ids in `only` they are those of this severity or worse that neither give a role nor delete anything."""
    carried, chosen, left = set[tuple[tuple[str, ...], ...]](), list[Mend](), list[str]()
    for verdict in report.findings:
        fix = verdict.fix
        if verdict.masked_by or fix is None or fix.kind not in WORDS or not fix.commands:
            continue
        if only:
            included = verdict.check in only
        else:
            included = fix.kind is FixClass.ASK and RANK[verdict.severity] >= RANK[level]
            left += [] if included else [f"{verdict.check} ({WORDS[fix.kind]}, {verdict.severity})"]
        if included and fix.commands not in carried:
            carried.add(fix.commands)
            chosen.append(Mend(verdict, fix.kind, fix.commands))
    chosen.sort(key=lambda mend: any(command[1:2] == ("restart",) for command in mend.commands))
    return tuple(chosen), tuple(dict.fromkeys(left))
