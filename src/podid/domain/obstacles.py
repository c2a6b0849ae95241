"""What could not be checked, as it is said: each missing right once."""

from collections.abc import Iterable
from dataclasses import dataclass

from podid.domain.findings import Outcome, Severity, Verdict
from podid.domain.report import RANK


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownGroup:
    """What one obstacle hid. `permission` is the missing right, empty where it is something else, which `reason` says;
    `verdicts` are in the order of the report, `severity` is the worst of them."""

    permission: str
    reason: str
    severity: Severity
    verdicts: tuple[Verdict, ...]

    @property
    def checks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(verdict.check for verdict in self.verdicts))


def group_unknowns(verdicts: Iterable[Verdict]) -> tuple[UnknownGroup, ...]:
    """The unknown ones by missing right, else by reason: rights first, and of these those that hide the most."""
    found: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.outcome is Outcome.UNKNOWN:
            reason = "" if verdict.permission else verdict.reason
            found.setdefault((verdict.permission, reason), []).append(verdict)
    groups = (
        UnknownGroup(
            permission=permission,
            reason=members[0].reason,
            severity=max((member.severity for member in members), key=RANK.__getitem__),
            verdicts=tuple(members),
        )
        for (permission, _), members in found.items()
    )
    return tuple(sorted(groups, key=lambda group: (not group.permission, -len(group.checks))))


def missing_rights(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """The rights that stood in the way, each once: the report's first line, and what `podid doctor --me` is for."""
    return tuple(group.permission for group in group_unknowns(verdicts) if group.permission)
