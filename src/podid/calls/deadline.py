"""When things have to be over: a command as a whole, and each call that it makes.

A server that sends a byte a second keeps every timeout of a socket. So what reads from one (`podid.calls.http`) goes by
the limit of the call that it is part of. What is no socket, such as a program, is waited for in another thread, which
is left to itself when the time is up.
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

# what is left for one more read at the deadline itself, and for taking back what is half done
GRACE_SECONDS = 2.0


class Overdue(TimeoutError):
    """A call had not returned when its time was up; the text says which time that was. What it has done is unknown."""


@dataclass(slots=True)
class Limit:
    """Until when, by `time.monotonic`, one call may take; `passed` once it was ended for that."""

    until: float
    passed: bool = False

    def left(self) -> float:
        """Return the seconds that are left. Raise TimeoutError when there are none."""
        left = self.until - time.monotonic()
        if left <= 0:
            self.passed = True
            raise TimeoutError("timed out")
        return left


# of the call that this thread makes
LIMIT: ContextVar[Limit | None] = ContextVar("podid_limit", default=None)


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
        """Return what `fn` returns, which reads from sockets of `podid.calls.http`. Raise TimedOut where the time was
        up before, Overdue where it or `longest` seconds passed meanwhile."""
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
        """As `call`, for any `fn`: it is left to itself, in its own thread, when the time is up."""
        seconds, words = self._allowed(longest)
        future = submit(fn)
        try:
            return future.result(seconds)
        except TimeoutError:
            if future.done():  # it is an error of its own
                raise
            raise Overdue(words) from None

    def _allowed(self, longest: float) -> tuple[float, str]:
        """Return how many seconds a call may take now, and how to name that time."""
        left = self.at - self.monotonic()
        grace = min(GRACE_SECONDS, self.seconds / 10)
        if left <= grace:
            left += grace
        if left <= 0:
            raise TimedOut(f"{self.words} are over", advice="Give it more time with --timeout.")
        return min(left, longest), f"in {self.words}" if left < longest else f"within {longest:g} s"


NEVER = Deadline()


def submit(fn: Callable[..., T], *args: Any) -> "Future[T]":
    """Run `fn` in a thread of its own. A daemon, unlike a ThreadPoolExecutor's: Ctrl-C waits neither for it nor for
    those that it waits for."""
    from concurrent.futures import Future

    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(fn(*args))
        except BaseException as error:  # noqa: BLE001  it is raised again where the result is read
            future.set_exception(error)

    threading.Thread(target=work, name="podid-call", daemon=True).start()
    return future
