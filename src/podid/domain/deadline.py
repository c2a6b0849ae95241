"""When things have to be over: a command as a whole, and each call that it makes.

A server that sends a byte a second keeps every timeout of a socket. So a call is made in a thread of its own, which is
left to itself when the time is up.
"""

import math
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TypeVar

from podid.domain.errors import TimedOut

T = TypeVar("T")

# what is left for a last look at the deadline itself, and for taking back what is half done
GRACE_SECONDS = 2.0


class Overdue(TimeoutError):
    """A call had not returned when its time was up; the text says which time that was. What it has done is unknown."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The end of a command, `seconds` after it began, by `monotonic`'s clock; `words` name that time ("the 5 s of
    --timeout")."""

    at: float = math.inf
    seconds: float = math.inf
    words: str = ""
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, words: str, monotonic: Callable[[], float]) -> "Deadline":
        return cls(monotonic() + seconds, seconds, words, monotonic)

    def left(self) -> float:
        """Seconds, 0 when the time is up."""
        return max(self.at - self.monotonic(), 0.0)

    def call(self, fn: Callable[[], T], longest: float) -> T:
        """What `fn` returns or raises. Raises TimedOut where the time was up before, Overdue where it or `longest`
        seconds passed meanwhile."""
        grace = min(GRACE_SECONDS, self.seconds / 10)
        left = self.at - self.monotonic()
        if left <= grace:
            left += grace
        if left <= 0:
            raise TimedOut(f"{self.words} are over", advice="Give it more time with --timeout.")
        try:
            return within(min(left, longest), fn)
        except _TimeIsUp:
            raise Overdue(f"in {self.words}" if left < longest else f"within {longest:g} s") from None


NEVER = Deadline()


class _TimeIsUp(Exception):
    """The time of `within` is up."""


def within(seconds: float, fn: Callable[[], T]) -> T:
    """What `fn` returns or raises."""
    outcome: SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = SimpleQueue()

    def work() -> None:
        try:
            outcome.put((fn(), None))
        except BaseException as error:  # noqa: BLE001  it is raised again where it is waited for
            outcome.put((None, error))

    # a daemon, so that a call that hangs never keeps the process alive
    threading.Thread(target=copy_context().run, args=(work,), name="podid-call", daemon=True).start()
    try:
        result, error = outcome.get(timeout=seconds)
    except Empty:
        raise _TimeIsUp from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # there is no error
