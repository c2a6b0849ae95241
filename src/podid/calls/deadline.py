"""Deadlines of a command, and of each call that it makes.

A server that sends one byte a second never exceeds the timeout of a socket. Therefore the limit of the call applies to
every read from a socket (`podid.calls.http`). Other operations, such as programs, run in another thread, which is
abandoned at the deadline.
"""

import math
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from podid.domain.errors import TimedOut

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")

# allowed after the deadline for a last read, and for cleaning up
GRACE_SECONDS = 2.0


class Overdue(TimeoutError):
    """A call did not return before its deadline; the text names the deadline. Its effect is not known."""


@dataclass(slots=True)
class Limit:
    """The deadline of one call, by `time.monotonic`; `passed` is true after it ended the call."""

    ends_at: float
    passed: bool = False

    def remaining(self) -> float:
        """Return the remaining seconds. Raise TimeoutError if there are none."""
        remaining = self.ends_at - time.monotonic()
        if remaining <= 0:
            self.passed = True
            raise TimeoutError("timed out")
        return remaining


# the limit of this thread's call
LIMIT: ContextVar[Limit | None] = ContextVar("podid_limit", default=None)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The deadline of a command, `seconds` after its start, by the clock `monotonic`. `words` name it ("the 5 s of
    --timeout")."""

    ends_at: float = math.inf
    seconds: float = math.inf
    words: str = ""
    monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, words: str, monotonic: Callable[[], float]) -> "Deadline":
        return cls(monotonic() + seconds, seconds, words, monotonic)

    def remaining(self) -> float:
        """Return the remaining seconds, at least 0."""
        return max(self.ends_at - self.monotonic(), 0.0)

    @property
    def grace(self) -> float:
        """Return the seconds after the deadline in which a last read and cleaning up are allowed."""
        return min(GRACE_SECONDS, self.seconds / 10)

    def call(self, fn: Callable[[], T], longest: float) -> T:
        """Return the result of `fn`, which reads from sockets of `podid.calls.http`. Raise TimedOut if the deadline
        passed before the call, Overdue if the deadline or `longest` seconds passed during the call."""
        seconds, words = self._allowed(longest)
        limit = Limit(time.monotonic() + seconds)
        before = LIMIT.set(limit)
        try:
            return fn()
        except Exception:
            if limit.passed:
                raise Overdue(words) from None
            raise
        finally:
            LIMIT.reset(before)

    def wait(self, fn: Callable[[], T], longest: float) -> T:
        """Do as `call`, for any `fn`: it runs in its own thread, which is abandoned at the deadline."""
        seconds, words = self._allowed(longest)
        future = submit(fn)
        try:
            return future.result(seconds)
        except TimeoutError:
            if future.done():  # an error of `fn` itself
                raise
            raise Overdue(words) from None

    def _allowed(self, longest: float) -> tuple[float, str]:
        """Return the seconds that a call may take now, and the words for this limit."""
        remaining = self.ends_at - self.monotonic()
        if remaining <= self.grace:
            remaining += self.grace
        if remaining <= 0:
            raise TimedOut(f"{self.words} have passed", advice="Pass a longer --timeout.")
        return min(remaining, longest), f"in {self.words}" if remaining < longest else f"within {longest:g} s"


NEVER = Deadline()


def submit(fn: Callable[..., T], *args: Any) -> "Future[T]":
    """Run `fn` in its own thread. It is a daemon, unlike those of a ThreadPoolExecutor, so that Ctrl-C does not wait
    for it."""
    from concurrent.futures import Future

    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(fn(*args))
        except BaseException as error:  # noqa: BLE001  raised again by result()
            future.set_exception(error)

    threading.Thread(target=work, name="podid-call", daemon=True).start()
    return future
