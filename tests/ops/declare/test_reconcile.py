"""The loop of podid reconcile: pauses, back-off, leader and standby, metrics; without a cluster."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from domain.values import NOW
from harness import table
from podid.domain.cluster import Lease
from podid.domain.errors import Conflict, ExitCode, Unavailable
from podid.ops.declare.reconcile import Election, Reconciler, Reconciliation, RoundState

START = datetime(2026, 11, 28, 12, tzinfo=UTC)
STANDBY, IN_SYNC, FAILED = RoundState.STANDBY, RoundState.IN_SYNC, RoundState.FAILED


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.slept.append(seconds)


class Leases:
    """The Lease of an API server, for readers and writers of several processes."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.version = 0
        self.broken: Exception | None = None

    def find_lease(self, namespace: str, name: str) -> Lease | None:
        if self.broken is not None:
            raise self.broken
        return self.lease

    def hold_lease(
        self, namespace: str, name: str, holder: str, *, seconds: int, at: datetime, before: Lease | None
    ) -> Lease:
        if before != self.lease:
            raise Conflict("changed")
        self.version += 1
        self.lease = Lease(holder, at.isoformat(), seconds, str(self.version))
        return self.lease


def election(leases: Any, clock: Clock, holder: str) -> Election:
    return Election(
        reader=leases,
        writer=leases,
        namespace="podid",
        name="podid-reconcile-shop",
        holder=holder,
        seconds=30,
        now=clock.now,
        monotonic=clock.monotonic,
    )


def reconciler(clock: Clock, compare: Callable[[], Reconciliation], **more: Any) -> Reconciler:
    values = {"interval": 300.0, "election": None, **more}
    return Reconciler(compare=compare, now=clock.now, monotonic=clock.monotonic, sleep=clock.sleep, **values)


def rounds_of(clock: Clock, *states: RoundState | Exception) -> Callable[[], Reconciliation]:
    left: Iterator[RoundState | Exception] = iter(states)

    def compare() -> Reconciliation:
        state = next(left)
        if isinstance(state, Exception):
            raise state
        return Reconciliation(at=clock.now(), state=state)

    return compare


def test_failed_rounds_come_again_later_and_later() -> None:
    clock, down = Clock(), Unavailable("no answer")
    loop = reconciler(clock, rounds_of(clock, IN_SYNC, down, down, down, *[down] * 5, IN_SYNC, IN_SYNC))
    states = [done.state for done in islice(loop.rounds(), 11)]
    assert states == [IN_SYNC, *[FAILED] * 8, IN_SYNC, IN_SYNC]
    assert clock.slept == [300, 10, 20, 40, 80, 160, 300, 300, 300, 300]


def test_three_failures_in_succession_are_unhealthy() -> None:
    clock, down = Clock(), Unavailable("no answer")
    loop = reconciler(clock, rounds_of(clock, down, down, down, IN_SYNC))
    assert [loop.healthy for _ in islice(loop.rounds(), 4)] == [True, True, False, True]


def test_a_bug_is_not_a_failed_round() -> None:
    clock = Clock()
    with pytest.raises(ZeroDivisionError):
        next(reconciler(clock, rounds_of(clock, ZeroDivisionError())).rounds())


def test_one_leads_and_the_other_stands_by_until_the_lease_expires() -> None:
    clock, leases = Clock(), Leases()
    one, other = election(leases, clock, "one"), election(leases, clock, "other")
    assert (one.leads(), other.leads()) == (True, False)
    clock.sleep(29)
    assert (one.leads(), other.leads()) == (True, False)  # renewed
    clock.sleep(29)
    assert not other.leads()
    clock.sleep(2)
    assert other.leads()  # unchanged for 30 s
    assert not one.leads()


def test_a_released_lease_is_free_at_once() -> None:
    clock, leases = Clock(), Leases()
    one, other = election(leases, clock, "one"), election(leases, clock, "other")
    assert one.leads()
    one.release()
    assert other.leads()
    one.release()  # not its own any more
    assert leases.lease is not None
    assert leases.lease.holder == "other"


def test_a_faster_candidate_wins() -> None:
    clock, leases = Clock(), Leases()
    one = election(leases, clock, "one")
    taken = Lease("other", "x", 30, "7")

    class Late(Leases):
        def find_lease(self, namespace: str, name: str) -> Lease | None:
            return None

    late = Late()
    late.lease = taken
    assert not election(late, clock, "one").leads()
    assert one.leads()


def test_a_standby_says_so_once_and_takes_over() -> None:
    clock, leases = Clock(), Leases()
    assert election(leases, clock, "other").leads()
    loop = reconciler(clock, rounds_of(clock, IN_SYNC), election=election(leases, clock, "one"))
    first, second = islice(loop.rounds(), 2)
    assert (first.state, second.state) == (STANDBY, IN_SYNC)
    assert 30 <= clock.seconds <= 50


def test_an_unreadable_lease_is_a_failed_round() -> None:
    clock, leases = Clock(), Leases()
    leases.broken = Unavailable("the API server does not answer")
    loop = reconciler(clock, rounds_of(clock, IN_SYNC), election=election(leases, clock, "one"))
    done = next(loop.rounds())
    assert (done.state, done.error) == (FAILED, "the API server does not answer")


def test_a_leader_renews_its_lease_between_rounds() -> None:
    clock, leases = Clock(), Leases()
    loop = reconciler(clock, rounds_of(clock, IN_SYNC, IN_SYNC), election=election(leases, clock, "one"))
    assert [done.state for done in islice(loop.rounds(), 2)] == [IN_SYNC, IN_SYNC]
    assert max(clock.slept) <= 10
    assert leases.version >= 29


def test_metrics_have_the_rounds_by_state() -> None:
    clock = Clock()
    loop = reconciler(clock, rounds_of(clock, IN_SYNC, Unavailable("x")))
    list(islice(loop.rounds(), 2))
    text = loop.metrics()
    assert 'podid_reconcile_rounds_total{state="in-sync"} 1.0' in text
    assert 'podid_reconcile_rounds_total{state="failed"} 1.0' in text
    assert f"podid_reconcile_last_success_timestamp_seconds {START.timestamp()!r}" in text


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
