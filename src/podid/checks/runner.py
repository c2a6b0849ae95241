"""Runs checks over a snapshot. A check that cannot look gives `unknown`, and so does one that crashes."""

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain

from podid.checks.base import Check
from podid.checks.shared.evidence import in_evidence
from podid.checks.shared.logs import in_logs
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot, crashed


def run_checks(checks: Sequence[Check], snapshot: Snapshot) -> tuple[Verdict, ...]:
    """Every verdict of every check, in the order of `checks`, then by subject. Never raises for a check's fault."""
    return tuple(verdict for check in checks for verdict in _run(check, snapshot))


def _run(check: Check, snapshot: Snapshot) -> list[Verdict]:
    """What was seen of its failure mode counts also where its own sections are missing."""
    verdicts = (_safely(check, snapshot, judge) for judge in (Check.judge, in_logs, in_evidence))
    return sorted(chain.from_iterable(verdicts), key=lambda v: (v.subject, v.outcome, v.message))


def _safely(
    check: Check, snapshot: Snapshot, judge: Callable[[Check, Snapshot], Iterable[Verdict]]
) -> Collection[Verdict]:
    try:
        return list(judge(check, snapshot))
    except Exception as error:  # noqa: BLE001  a crashing check must show up in the report, whatever it raised
        return [check.of_everyone(snapshot).unknown(crashed(error))]
