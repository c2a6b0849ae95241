"""Run one check on a snapshot."""

from podid.checks.all import BY_ID
from podid.checks.runner import run_checks
from podid.domain.findings import Outcome, Verdict
from podid.domain.snapshot import Snapshot
from podid.ops.status.diagnose import diagnose

# outcome, severity and subject of a verdict
Answer = tuple[str, str, str]
WORKLOAD = "Deployment shop/orders"


def answers(check: str, snapshot: Snapshot) -> list[Answer]:
    """Return the answer of each verdict of one check."""
    return [(v.outcome.value, v.severity.value, str(v.subject)) for v in verdicts(check, snapshot)]


def verdicts(check: str, snapshot: Snapshot) -> tuple[Verdict, ...]:
    return run_checks((BY_ID[check],), snapshot)


def only(check: str, snapshot: Snapshot) -> Verdict:
    (verdict,) = verdicts(check, snapshot)
    return verdict


def messages(check: str, snapshot: Snapshot) -> list[str]:
    """Return the messages of the findings of one check."""
    return [verdict.message for verdict in verdicts(check, snapshot) if verdict.outcome is Outcome.FAIL]


def outcomes(check: str, snapshot: Snapshot) -> set[str]:
    return {verdict.outcome.value for verdict in verdicts(check, snapshot)}


def of_node(check: str, snapshot: Snapshot) -> Verdict:
    """Return the only verdict on a node."""
    (verdict,) = (verdict for verdict in verdicts(check, snapshot) if verdict.subject.kind == "Node")
    return verdict


def reported(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """Return (id, severity, subject) of the findings that do not follow from others, and (id, "unknown", subject)."""
    report = diagnose(snapshot)
    plain = [(v.check, v.severity.value, str(v.subject)) for v in report.findings if not v.masked_by]
    return plain + [(v.check, "unknown", str(v.subject)) for v in report.unknowns]
