"""The exit code of a round of `podid reconcile`, and rounds that are retried early."""

from typing import Any

from domain.values import NOW
from harness import table
from podid.domain.errors import ExitCode
from podid.ops.declare.reconcile import Reconciliation, RoundState


def a_round(state: RoundState, **more: Any) -> Reconciliation:
    return Reconciliation(at=NOW, state=state, **more)


@table(
    ("state", "more", "expected"),
    [
        (RoundState.IN_SYNC, {}, ExitCode.OK),
        (RoundState.APPLIED, {}, ExitCode.OK),
        (RoundState.STANDBY, {}, ExitCode.OK),
        (RoundState.DRIFT, {}, ExitCode.ATTENTION),
        (RoundState.PARTIAL, {}, ExitCode.PARTIAL),
        (RoundState.FAILED, {"code": ExitCode.DENIED}, ExitCode.DENIED),
        (RoundState.IN_SYNC, {"not_read": 1}, ExitCode.UNDETERMINED),
        (RoundState.IN_SYNC, {"refused": 1, "not_read": 1}, ExitCode.PARTIAL),
        (RoundState.PARTIAL, {"conflicts": 1, "refused": 1}, ExitCode.CONFLICT),
    ],
)
def test_the_exit_code_of_a_round(state: RoundState, more: dict[str, Any], expected: ExitCode) -> None:
    assert a_round(state, **more).exit_code is expected


def test_failed_and_partial_rounds_are_retried_early() -> None:
    assert {state for state in RoundState if a_round(state).failed} == {RoundState.FAILED, RoundState.PARTIAL}
