"""Waiting: when looks happen, and when they end."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from podid.calls.patience import Clock, Patience
from podid.cli.runtime import Runtime, Streams
from podid.cli.terminal import Progress
from podid.domain.errors import AccessDenied, PodidError, Unreachable, UnreadableAnswer


class Hands:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.time = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def patience(self, seconds: float) -> Patience:
        clock = Clock(lambda: datetime.fromtimestamp(self.time, UTC), lambda: self.time, self.sleep)
        return Patience(seconds, clock, lambda state: None)


def test_the_last_round_is_at_the_deadline() -> None:
    hands = Hands()
    assert list(hands.patience(5.0).rounds(2.0)) == [5.0, 3.0, 1.0, 0.0]
    assert hands.slept == [2.0, 2.0, 1.0]


def test_a_pause_grows_up_to_its_longest() -> None:
    hands = Hands()
    list(hands.patience(10.0).rounds(1.0, longest=2.0))
    assert hands.slept == [1.0, 1.5, 2.0, 2.0, 2.0, 1.5]


def test_a_function_gives_each_pause() -> None:
    hands = Hands()
    pauses = iter([1.0, 0.0, 4.0])
    assert list(hands.patience(3.0).rounds(lambda: next(pauses))) == pytest.approx([3.0, 2.0, 1.99, 0.0])


def test_no_time_is_one_round() -> None:
    hands = Hands()
    assert list(hands.patience(0.0).rounds(1.0)) == [0.0]
    assert hands.slept == []


def test_an_early_end_does_not_sleep() -> None:
    hands = Hands()
    for _ in hands.patience(60.0).rounds(1.0):
        break
    assert hands.slept == []


def test_a_part_of_it_keeps_clock_and_listener() -> None:
    patience = Hands().patience(60.0)
    part = patience.within(5.0)
    assert (part.seconds, part.clock, part.say) == (5.0, patience.clock, patience.say)


def test_no_wait_outlives_the_command() -> None:
    hands = Hands()
    patience = replace(hands.patience(60.0), ends_at=103.0)
    assert list(patience.rounds(2.0)) == [3.0, 1.0, 0.0]
    assert patience.over
    assert list(patience.within(5.0).rounds(2.0)) == [0.0]


@pytest.mark.parametrize(
    ("tty", "expected"),
    [(True, ["━━━━━━━━━━────────── 2 of 4  create it"]), (False, ["create it (2 of 4)"])],
)
def test_the_progress_of_many_steps(tty: bool, expected: list[str]) -> None:
    stderr = io.StringIO()
    streams = Streams(io.StringIO(), io.StringIO(), stderr, stdin_tty=tty, stdout_tty=tty, stderr_tty=tty, width=80)
    progress = Progress(Runtime(streams=streams, env={}), quiet=False)
    clock = Clock(now=lambda: datetime.now(UTC), monotonic=lambda: 0.0, sleep=lambda seconds: None)
    Patience(1, clock, progress.update, count=progress.count).count(2, 4, "create it")
    assert stderr.getvalue().replace("\r\x1b[2K… ", "").splitlines() == expected


@pytest.mark.parametrize(("outage", "answers"), [(105.0, [105.0, 110.0]), (1000.0, [])])
def test_readings_outlast_an_outage_until_the_deadline(outage: float, answers: list[float]) -> None:
    hands, read = Hands(), list[float]()

    def reading() -> float:
        if hands.time < outage:
            raise Unreachable("out of reach")
        return hands.time

    def all_readings() -> None:
        read.extend(hands.patience(10.0).readings(reading, 5.0, longest=5.0))

    if answers:
        all_readings()
    else:
        with pytest.raises(Unreachable):
            all_readings()
    assert (read, hands.time) == (answers, 110.0)


def test_readings_end_at_an_answer_that_stays() -> None:
    for error in (AccessDenied("no"), UnreadableAnswer("no JSON")):
        hands = Hands()

        def refused(error: PodidError = error) -> None:
            raise error

        with pytest.raises(type(error)):
            list(hands.patience(10.0).readings(refused, 5.0, longest=5.0))
        assert hands.slept == []
