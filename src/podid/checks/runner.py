"""Runs checks over a snapshot. A check that cannot look gives `unknown`, and so does one that crashes; after the
first broken link of a service account its later failures carry `masked_by`."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from podid.checks.base import EVERYONE, Check
from podid.checks.shared import alone
from podid.checks.shared.evidence import in_evidence
from podid.checks.shared.facts import cluster_subject
from podid.checks.shared.logs import in_logs
from podid.domain.findings import Outcome, Severity, Verdict
from podid.domain.snapshot import Snapshot, crashed

# whatever their severity: no pod can run as a service account that is not there, so nothing later breaks anybody's way
NOBODY_THERE = ("association-namespace-not-found", "association-sa-not-found")


# an error that breaks nobody's way and that no broken link explains: everybody gets in
OF_ITS_OWN = ("trust-too-broad",)


def run_checks(checks: Sequence[Check], snapshot: Snapshot) -> tuple[Verdict, ...]:
    """Every verdict of every check, in the order of `checks`, then by subject. Never raises for a check's fault."""
    return tuple(verdict for check in checks for verdict in _run(check, snapshot))


def _run(check: Check, snapshot: Snapshot) -> list[Verdict]:
    """What was seen of its failure mode counts also where its own sections are missing."""
    found = (_safely(check, snapshot, judge) for judge in (alone.judge, in_logs, in_evidence))
    return sorted(chain.from_iterable(found), key=lambda v: (v.subject, v.outcome, v.message))


def _safely(
    check: Check, snapshot: Snapshot, judge: Callable[[Check, Snapshot], Iterable[Verdict]]
) -> Collection[Verdict]:
    try:
        return list(judge(check, snapshot))
    except Exception as error:  # noqa: BLE001  a crashing check must show up in the report, whatever it raised
        return [check.case(cluster_subject(snapshot), EVERYONE).unknown(crashed(error))]


def mask(verdicts: Sequence[Verdict], order: Mapping[str, int]) -> tuple[Verdict, ...]:
    """The verdicts with `masked_by` on every failure of severity error whose service accounts all are broken by an
    earlier check already, or do not exist; of those that do not exist, on warnings and notes too: nobody is there whom
    they would concern. Other warnings and notes stay. `order` gives each check's place on the way to credentials."""
    broken: dict[str, str] = {}
    absent: dict[str, str] = {}
    masked = list(verdicts)
    for position in sorted(range(len(masked)), key=lambda place: order[masked[place].check]):
        verdict = masked[position]
        failed = verdict.outcome is Outcome.FAIL and verdict.check not in OF_ITS_OWN
        if failed and verdict.severity is Severity.ERROR:
            cause = _cause(verdict, broken)
            if cause and cause != verdict.check and not verdict.masked_by:
                verdict = replace(verdict, masked_by=cause)
            if not verdict.masked_by:
                for name in verdict.chain:
                    broken.setdefault(name, verdict.check)
        if failed and verdict.check in NOBODY_THERE:
            for name in verdict.chain:
                broken.setdefault(name, verdict.check)
                absent.setdefault(name, verdict.check)
        elif failed and verdict.severity is not Severity.ERROR and not verdict.masked_by:
            verdict = replace(verdict, masked_by=_cause(verdict, absent))
        masked[position] = verdict
    return tuple(masked)


def _cause(verdict: Verdict, broken: Mapping[str, str]) -> str:
    """The earlier check that already broke the way of everyone in the verdict's chain, empty if anyone got through."""
    if "*" in broken:
        return broken["*"]
    causes = [broken.get(name, "") for name in verdict.chain]
    return causes[0] if causes and all(causes) else ""
