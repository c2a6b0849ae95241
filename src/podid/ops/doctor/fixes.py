"""Which findings podid can mend by itself, and with which of its own commands."""

from collections.abc import Iterable
from dataclasses import dataclass

from podid.domain.findings import FixClass, Verdict
from podid.domain.report import DoctorReport

# the commands that change something, as the words that name them
CHANGING = (("install-agent",), ("associate",), ("disassociate",), ("restart",), ("role", "create"))


@dataclass(frozen=True, slots=True)
class Mend:
    """What one finding asks for. `commands` are argv lists that begin with podid, to be carried out in order; `asks` is
    whether each needs a yes of its own."""

    verdict: Verdict
    commands: tuple[tuple[str, ...], ...]
    asks: bool


def mends(report: DoctorReport, only: Iterable[str] = ()) -> tuple[Mend, ...]:
    """One for each finding, of the ids in `only` if there are any, that no earlier broken link explains and whose fix
    is made of commands that podid has; in the order in which credentials reach a pod. What two findings ask for alike
    is done once."""
    ids, seen, found = set(only), set[tuple[tuple[str, ...], ...]](), []
    for verdict in report.findings:
        fix = verdict.fix
        if verdict.masked_by or fix is None or fix.kind not in (FixClass.SAFE, FixClass.ASK):
            continue
        if (ids and verdict.check not in ids) or not fix.commands or fix.commands in seen:
            continue
        if all(_changes(command) for command in fix.commands):
            seen.add(fix.commands)
            found.append(Mend(verdict, fix.commands, asks=fix.kind is FixClass.ASK))
    return tuple(found)


def _changes(command: tuple[str, ...]) -> bool:
    return command[:1] == ("podid",) and any(command[1 : 1 + len(words)] == words for words in CHANGING)
