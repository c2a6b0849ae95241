"""Findings that somebody has accepted, for a reason and until a day: what a gate in CI lets through."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from podid.domain.errors import InvalidInput, Other
from podid.domain.findings import Outcome, Verdict
from podid.domain.report import DoctorReport

_MEMBERS = {"id", "subject", "reason", "expires"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One entry. `subject` is a finding's own, such as `Deployment shop/orders`; empty accepts the finding wherever it
    is. From the day after `expires` it counts for nothing."""

    id: str
    reason: str
    subject: str = ""
    expires: date | None = None

    def covers(self, verdict: Verdict) -> bool:
        return self.id == verdict.check and self.subject in ("", str(verdict.subject))

    def __str__(self) -> str:
        return f"{self.id} {self.subject}".rstrip()


def parse_baseline(value: object, known: Iterable[str], where: str) -> tuple[Accepted, ...]:
    """The entries of a baseline file that is read already: `{"accepted": [{"id", "subject", "reason", "expires"}]}`.
    `known` are the ids that there are. Raises InvalidInput that names the entry and what is wrong with it."""
    if not isinstance(value, Mapping) or set(value) != {"accepted"} or not isinstance(value["accepted"], Sequence):
        raise InvalidInput(f"{where} is no baseline: it holds one list, `accepted`", subject=where)
    ids = set(known)
    return tuple(_entry(item, ids, f"{where}, entry {number}") for number, item in enumerate(value["accepted"], 1))


def _entry(item: object, ids: set[str], where: str) -> Accepted:
    if not isinstance(item, Mapping) or not {"id", "reason"} <= set(item) <= _MEMBERS:
        raise InvalidInput(f"{where} needs `id` and `reason`, and may have `subject` and `expires`, no more")
    texts = {name: item.get(name, "") for name in ("id", "reason", "subject")}
    if not all(isinstance(text, str) for text in texts.values()) or not texts["reason"].strip():
        raise InvalidInput(f"{where}: `id`, `reason` and `subject` are texts, and a reason says something")
    if texts["id"] not in ids:
        raise InvalidInput(
            f"{where}: {texts['id']!r} is not the id of a check",
            hint=Other(("doctor",), flags=("--list",)),
            subject=texts["id"],
        )
    return Accepted(**texts, expires=_day(item.get("expires"), where))


def _day(value: object, where: str) -> date | None:
    # YAML has dates of its own
    if value is None or type(value) is date:
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidInput(f"{where}: `expires` is a day, such as 2027-01-31") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """`report` with the accepted findings marked; `expired` accept nothing any more, `idle` met nothing to accept."""

    report: DoctorReport
    expired: tuple[Accepted, ...] = ()
    idle: tuple[Accepted, ...] = ()


def accept(report: DoctorReport, entries: Sequence[Accepted]) -> Reckoning:
    """What follows from an accepted finding is accepted with it. Unknowns never are: nobody has seen them."""
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
        idle=tuple(entry for entry in live if not any(map(entry.covers, findings))),
    )


def _accepted(verdict: Verdict, live: Iterable[Accepted]) -> Verdict:
    if verdict.outcome is not Outcome.FAIL:
        return verdict
    entry = next((entry for entry in live if entry.covers(verdict)), None)
    return verdict if entry is None else replace(verdict, accepted=entry.reason)


def _follows(verdict: Verdict, causes: Mapping[str, set[str]]) -> Verdict:
    """A masked finding is a consequence; it is accepted when everybody's cause is. `causes` are the service accounts of
    accepted findings by their check."""
    if not verdict.masked_by or verdict.accepted:
        return verdict
    names = causes.get(verdict.masked_by, set())
    if "*" in names or (verdict.chain and set(verdict.chain) <= names):
        return replace(verdict, accepted=f"follows from {verdict.masked_by}")
    return verdict
