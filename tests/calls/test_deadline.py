"""Deadlines: a call gets at most the time that the command has left."""

import signal
import threading
import time
from collections.abc import Callable

import pytest

from calls.test_patience import Hands
from podid.calls.deadline import NEVER, Deadline, Overdue
from podid.domain.errors import TimedOut


def test_a_call_has_the_remaining_time_of_the_command() -> None:
    hands = Hands()
    deadline = Deadline.after(10.0, "the 10 s of --timeout", lambda: hands.time)
    ways = (deadline.call, deadline.wait)
    assert [way(lambda: 5, 1.0) for way in ways] == [5, 5]
    with pytest.raises(Overdue, match=r"^within 0.05 s$"):
        deadline.wait(lambda: time.sleep(5), 0.05)
    hands.time += 9.95
    assert deadline.remaining() == pytest.approx(0.05)
    for way in ways:
        with pytest.raises(StopIteration):
            way(lambda: next(iter("")), 1.0)
    hands.time += 0.5  # a last look
    with pytest.raises(Overdue, match=r"^in the 10 s of --timeout$"):
        deadline.wait(lambda: time.sleep(5), 30.0)
    assert deadline.remaining() == 0.0
    hands.time += 1.0
    for way in ways:
        with pytest.raises(TimedOut, match=r"^the 10 s of --timeout have passed$"):
            way(lambda: 5, 30.0)


def test_a_call_that_times_out_by_itself_is_not_overdue() -> None:
    for way in (NEVER.call, NEVER.wait):
        with pytest.raises(TimeoutError, match="of its own") as caught:
            way(time_out, 5.0)
        assert not isinstance(caught.value, Overdue)


def time_out() -> None:
    raise TimeoutError("of its own")


@pytest.mark.parametrize("way", [NEVER.call, NEVER.wait])
def test_an_interrupt_ends_a_call(way: Callable[..., None]) -> None:
    threading.Timer(0.1, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        way(lambda: time.sleep(5), 5.0)
    assert time.monotonic() - began < 3
