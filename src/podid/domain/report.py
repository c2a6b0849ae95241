"""The report of the doctor with its exit code, and the findings that a baseline accepts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Annotated

from podid.domain.errors import ExitCode, InvalidInput, Other, combine
from podid.domain.findings import LINKS, OWN_PERMISSIONS, Fix, FixClass, Outcome, Severity, Verdict
from podid.domain.grouping import grouped
from podid.domain.members import Key, Link, members, schema_name
from podid.domain.status import IdentityStatus


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of verdicts. A failed one counts under its severity, or under `masked` if an earlier broken link explains
    it."""

    error: int = 0
    warn: int = 0
    info: int = 0
    unknown: int = 0
    passed: Annotated[int, Key("pass")] = 0
    masked: int = 0
    accepted: int = 0


class LinkState(StrEnum):
    """The worst outcome of a link. `unseen`: there is no verdict, or none that applies."""

    BROKEN = "broken"
    WARNING = "warning"
    UNKNOWN = "unknown"
    FINE = "fine"
    NOTE = "note"
    UNSEEN = "unseen"


@schema_name("LinkBody")
@members("link name state ok broken warnings notes unknown")
@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCounts:
    """A link of the way to credentials, with the number of its verdicts by outcome, including masked ones."""

    link: Link
    ok: int = 0
    broken: int = 0
    warnings: int = 0
    notes: int = 0
    unknown: int = 0

    @property
    def name(self) -> str:
        return LINKS[self.link]

    @property
    def state(self) -> LinkState:
        worst_first = (
            (self.broken, LinkState.BROKEN),
            (self.warnings, LinkState.WARNING),
            (self.unknown, LinkState.UNKNOWN),
            (self.ok, LinkState.FINE),
            (self.notes, LinkState.NOTE),
        )
        return next((state for count, state in worst_first if count), LinkState.UNSEEN)


def count_links(verdicts: Iterable[Verdict]) -> tuple[LinkCounts, ...]:
    """Return the counts of podid's own access, then those of the ten links."""
    by_link: list[list[Verdict]] = [[] for _ in LINKS]
    for item in verdicts:
        by_link[item.link].append(item)
    return tuple(_counts(link, items) for link, items in enumerate(by_link))


def _counts(link: int, verdicts: Sequence[Verdict]) -> LinkCounts:
    # an accepted finding counts as a note
    failed = [Severity.INFO if item.accepted else item.severity for item in verdicts if item.outcome is Outcome.FAIL]
    return LinkCounts(
        link=link,
        ok=sum(item.outcome is Outcome.PASS for item in verdicts),
        broken=failed.count(Severity.ERROR),
        warnings=failed.count(Severity.WARN),
        notes=failed.count(Severity.INFO),
        unknown=sum(item.outcome is Outcome.UNKNOWN for item in verdicts),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """`verdicts` are in the order of the links, then by subject. `findings` are the failed ones, worst first and
    those that follow from others last; `accepted` are the failed ones that a baseline accepts; `unknowns` the
    unknown ones."""

    cluster: str
    cluster_arn: str
    taken_at: datetime
    verdicts: tuple[Verdict, ...] = ()
    scope: str = ""
    checks: tuple[str, ...] = field(default=())
    # doctor or audit
    command: str = "doctor"
    # number of associations in the scope; None if they were not read
    associations: int | None = None
    # optional checks that were not requested, with their option
    not_asked: tuple[str, ...] = ()
    # of each service account in the scope with an association or an error, and of each specified one
    identities: tuple[IdentityStatus, ...] = ()

    def with_commands(self, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> DoctorReport:
        """Return the report with other command lines for its fixes, and for missing permissions."""

        # NAMESPACE, NAMESPACE/NAME, KIND/NAMESPACE/NAME, or several NAMESPACE/NAME
        namespace = self.scope.split("/")[-2 if "/" in self.scope else 0]
        own = (*OWN_PERMISSIONS, "-n", namespace) if namespace and "," not in namespace else OWN_PERMISSIONS

        def changed(verdict: Verdict) -> Verdict:
            fix = verdict.fix or (Fix(FixClass.NONE, (own,)) if verdict.permission else None)
            if fix is None:
                return verdict
            return replace(verdict, fix=replace(fix, commands=tuple(map(change, fix.commands))))

        return replace(self, verdicts=tuple(map(changed, self.verdicts)))

    @property
    def findings(self) -> tuple[Verdict, ...]:
        failing = (v for v in self.verdicts if v.outcome is Outcome.FAIL and not v.accepted)
        return tuple(sorted(failing, key=lambda v: (bool(v.masked_by), v.severity.rank)))

    @property
    def accepted(self) -> tuple[Verdict, ...]:
        return tuple(v for v in self.verdicts if v.outcome is Outcome.FAIL and v.accepted)

    @property
    def unknowns(self) -> tuple[Verdict, ...]:
        return tuple(v for v in self.verdicts if v.outcome is Outcome.UNKNOWN)

    @property
    def summary(self) -> Summary:
        plain = [v.severity for v in self.findings if not v.masked_by]
        return Summary(
            error=plain.count(Severity.ERROR),
            warn=plain.count(Severity.WARN),
            info=plain.count(Severity.INFO),
            unknown=len(self.unknowns),
            passed=sum(v.outcome is Outcome.PASS for v in self.verdicts),
            masked=len(self.findings) - len(plain),
            accepted=len(self.accepted),
        )

    @property
    def chain(self) -> tuple[LinkCounts, ...]:
        return count_links(self.verdicts)

    def exit_code(self, *, fail_on: Severity | None = Severity.ERROR, allow_unknown: bool = False) -> ExitCode:
        """Return 3 if a finding is at least as severe as `fail_on` (None: never), 9 if such a check is unknown, else 0.
        Unknown errors always count, and in an audit warnings too: they are its answer. A masked finding counts."""
        codes: set[ExitCode] = set()
        if fail_on is not None and _any_at_least(self.findings, fail_on):
            codes.add(ExitCode.ATTENTION)
        answer = Severity.WARN if self.command == "audit" else Severity.ERROR
        if not allow_unknown and _any_at_least(self.unknowns, max(answer, fail_on or answer, key=attrgetter("rank"))):
            codes.add(ExitCode.UNDETERMINED)
        return combine(codes)


def _any_at_least(verdicts: Iterable[Verdict], severity: Severity) -> bool:
    return any(v.severity.rank <= severity.rank for v in verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownGroup:
    """The verdicts that are unknown for one reason. `permission` is the missing permission, empty for another `reason`.
    `verdicts` are in the order of the report; `severity` is the worst of them."""

    permission: str
    reason: str
    severity: Severity
    verdicts: tuple[Verdict, ...]

    @property
    def checks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(verdict.check for verdict in self.verdicts))


def group_unknowns(verdicts: Iterable[Verdict]) -> tuple[UnknownGroup, ...]:
    """Return the unknown verdicts, grouped by missing permission or reason: permissions first, by number of checks."""
    unknown = (verdict for verdict in verdicts if verdict.outcome is Outcome.UNKNOWN)
    by_obstacle = grouped(((verdict.permission, verdict.permission or verdict.reason), verdict) for verdict in unknown)
    groups = (
        UnknownGroup(
            permission=permission,
            reason=members[0].reason,
            severity=min((member.severity for member in members), key=attrgetter("rank")),
            verdicts=tuple(members),
        )
        for (permission, _), members in by_obstacle.items()
    )
    return tuple(sorted(groups, key=lambda group: (not group.permission, -len(group.checks))))


def missing_permissions(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    return tuple(group.permission for group in group_unknowns(verdicts) if group.permission)


_MEMBERS = {"id", "subject", "reason", "expires"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One entry of a baseline. `subject` is that of a finding, such as `Deployment shop/orders`; empty accepts the
    finding for every subject. The entry is valid until `expires`, inclusive."""

    id: str
    reason: str
    subject: str = ""
    expires: date | None = None

    def covers(self, verdict: Verdict) -> bool:
        return self.id == verdict.check and self.subject in ("", str(verdict.subject))

    def __str__(self) -> str:
        return f"{self.id} {self.subject}".rstrip()


def parse_baseline(value: object, known: Iterable[str], where: str) -> tuple[Accepted, ...]:
    """Return the entries of a parsed baseline file: `{"accepted": [{"id", "subject", "reason", "expires"}]}`. `known`
    are the valid ids. Raise InvalidInput that names the wrong entry."""
    if not isinstance(value, Mapping) or set(value) != {"accepted"} or not isinstance(value["accepted"], Sequence):
        raise InvalidInput(f"{where} is not a baseline: a baseline has one list, `accepted`", subject=where)
    ids = set(known)
    return tuple(_entry(item, ids, f"{where}, entry {number}") for number, item in enumerate(value["accepted"], 1))


def _entry(item: object, ids: set[str], where: str) -> Accepted:
    if not isinstance(item, Mapping) or not {"id", "reason"} <= set(item) <= _MEMBERS:
        raise InvalidInput(f"{where} requires `id` and `reason`, and can have `subject` and `expires` only")
    texts = {name: item.get(name, "") for name in ("id", "reason", "subject")}
    if not all(isinstance(text, str) for text in texts.values()) or not texts["reason"].strip():
        raise InvalidInput(f"{where}: `id`, `reason` and `subject` must be text, and `reason` must not be empty")
    if texts["id"] not in ids:
        raise InvalidInput(
            f"{where}: {texts['id']!r} is not the id of a check",
            hint=Other(("doctor",), flags=("--list",)),
            subject=texts["id"],
        )
    return Accepted(**texts, expires=_day(item.get("expires"), where))


def _day(value: object, where: str) -> date | None:
    # YAML has a type for dates
    if value is None or type(value) is date:
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidInput(f"{where}: `expires` must be a date, such as 2027-01-31") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """The report with accepted findings marked, and the entries that are `expired` or match no finding (`idle`)."""

    report: DoctorReport
    expired: tuple[Accepted, ...] = ()
    idle: tuple[Accepted, ...] = ()


def accept(report: DoctorReport, entries: Sequence[Accepted]) -> Reckoning:
    """Mark the accepted findings, and those that follow from them. Unknown verdicts are never accepted."""
    today = report.taken_at.date()
    expired = tuple(entry for entry in entries if entry.expires is not None and entry.expires < today)
    live = [entry for entry in entries if entry not in expired]
    marked = [_accepted(verdict, live) for verdict in report.verdicts]
    causes: dict[str, set[str]] = defaultdict(set)
    for verdict in marked:
        if verdict.accepted:
            causes[verdict.check].update(verdict.chain)
    findings = report.findings
    return Reckoning(
        report=replace(report, verdicts=tuple(_follows(verdict, causes) for verdict in marked)),
        expired=tuple(entry for entry in expired if any(map(entry.covers, findings))),
        idle=tuple(entry for entry in entries if not any(map(entry.covers, findings))),
    )


def _accepted(verdict: Verdict, live: Iterable[Accepted]) -> Verdict:
    if verdict.outcome is not Outcome.FAIL:
        return verdict
    entry = next((entry for entry in live if entry.covers(verdict)), None)
    return verdict if entry is None else replace(verdict, accepted=entry.reason)


def _follows(verdict: Verdict, causes: Mapping[str, set[str]]) -> Verdict:
    """Accept a masked finding if its cause is accepted for all its service accounts. `causes` are the service accounts
    of accepted findings, by check."""
    if not verdict.masked_by or verdict.accepted:
        return verdict
    names = causes.get(verdict.masked_by, set())
    if "*" in names or (verdict.chain and set(verdict.chain) <= names):
        return replace(verdict, accepted=f"follows from {verdict.masked_by}")
    return verdict
