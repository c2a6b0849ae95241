"""Waiting: when looks happen, and when they end."""

from datetime import UTC, datetime

import pytest

from podid.domain.patience import Clock, Patience


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


def test_the_last_look_is_at_the_deadline() -> None:
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


def test_no_patience_is_one_look() -> None:
    hands = Hands()
    assert list(hands.patience(0.0).rounds(1.0)) == [0.0]
    assert hands.slept == []


def test_leaving_early_sleeps_no_more() -> None:
    hands = Hands()
    for _ in hands.patience(60.0).rounds(1.0):
        break
    assert hands.slept == []


def test_a_part_of_it_keeps_clock_and_listener() -> None:
    patience = Hands().patience(60.0)
    part = patience.within(5.0)
    assert (part.seconds, part.clock, part.say) == (5.0, patience.clock, patience.say)
