"""The grid that the checks are tested with: a check's id and a snapshot in, (outcome, severity, subject) out."""

from podid.checks.all import BY_ID
from podid.checks.runner import run_checks
from podid.domain.findings import Verdict
from podid.domain.snapshot import Missing, Snapshot

DENIED = Missing("not allowed", permission="some:Permission", error_code="AccessDenied")


def answers(check: str, snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """Return (outcome, severity, subject) of each verdict of one check."""
    return [(v.outcome.value, v.severity.value, str(v.subject)) for v in verdicts(check, snapshot)]


def verdicts(check: str, snapshot: Snapshot) -> tuple[Verdict, ...]:
    return run_checks((BY_ID[check],), snapshot)


def only(check: str, snapshot: Snapshot) -> Verdict:
    (verdict,) = verdicts(check, snapshot)
    return verdict
