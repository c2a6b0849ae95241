"""Run one check on a snapshot."""

from podid.checks.all import BY_ID
from podid.checks.runner import run_checks
from podid.domain.findings import Outcome, Verdict
from podid.domain.snapshot import Snapshot


def answers(check: str, snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """Return (outcome, severity, subject) of each verdict of one check."""
    return [(v.outcome.value, v.severity.value, str(v.subject)) for v in verdicts(check, snapshot)]


def verdicts(check: str, snapshot: Snapshot) -> tuple[Verdict, ...]:
    return run_checks((BY_ID[check],), snapshot)


def only(check: str, snapshot: Snapshot) -> Verdict:
    (verdict,) = verdicts(check, snapshot)
    return verdict


def messages(check: str, snapshot: Snapshot) -> list[str]:
    """Return the messages of the findings of one check."""
    return [verdict.message for verdict in verdicts(check, snapshot) if verdict.outcome is Outcome.FAIL]
