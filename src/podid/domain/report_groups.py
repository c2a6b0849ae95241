"""A report's verdicts as they are counted and said: one check once, one missing right once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from podid.domain.findings import Outcome, Severity, Verdict
from podid.domain.report import RANK


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkChecks:
    """How many of a link's checks came to what. Each check counts once, by its worst verdict and on the link of that:
    the numbers of all links add up to the number of checks. `idle` found nothing to judge."""

    link: int
    broken: int = 0
    warnings: int = 0
    unknown: int = 0
    notes: int = 0
    ok: int = 0
    idle: int = 0

    @property
    def total(self) -> int:
        return self.broken + self.warnings + self.unknown + self.notes + self.ok + self.idle


# worst first
_SORTS = ("broken", "warnings", "unknown", "notes", "ok", "idle")


def count_checks(verdicts: Iterable[Verdict], links: Mapping[str, int]) -> tuple[LinkChecks, ...]:
    """By link, in order, of the links that have a check; `links` are the checks that ran, each with the link of its
    page."""
    worst: dict[str, tuple[int, int]] = {check: (_SORTS.index("idle"), link) for check, link in links.items()}
    for verdict in verdicts:
        found = _SORTS.index(_sort(verdict)), verdict.link
        if verdict.check in worst and found[0] < worst[verdict.check][0]:
            worst[verdict.check] = found
    counts: dict[int, dict[str, int]] = {}
    for sort, link in worst.values():
        of_link = counts.setdefault(link, dict.fromkeys(_SORTS, 0))
        of_link[_SORTS[sort]] += 1
    return tuple(LinkChecks(link=link, **counts[link]) for link in sorted(counts))


def _sort(verdict: Verdict) -> str:
    if verdict.outcome is not Outcome.FAIL:
        return {Outcome.PASS: "ok", Outcome.UNKNOWN: "unknown", Outcome.NOT_APPLICABLE: "idle"}[verdict.outcome]
    # what is accepted is known, and nobody's business now
    severity = Severity.INFO if verdict.accepted else verdict.severity
    return {Severity.ERROR: "broken", Severity.WARN: "warnings", Severity.INFO: "notes"}[severity]


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
