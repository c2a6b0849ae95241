"""When things have to be over: a command as a whole, and each call that it makes.

A server that sends a byte a second keeps every timeout of a socket. So a call is made in another thread, which is
left to itself when the time is up. A thread for each of thousands of calls costs as much as the calls; where somebody
waits for a thread's results anyway, it makes its calls itself, under a Watch.
"""

import math
import os
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from podid.domain.errors import PodidError, TimedOut

if TYPE_CHECKING:
    from concurrent.futures import Future

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

    def call(self, fn: Callable[[], T], longest: float, late: Callable[[Overdue], PodidError] | None = None) -> T:
        """What `fn` returns or raises. Raises TimedOut where the time was up before, Overdue where it or `longest`
        seconds passed meanwhile. `late` says what that means where `fn` changes nothing: whoever watches the thread
        then gets it from there."""
        grace = min(GRACE_SECONDS, self.seconds / 10)
        left = self.at - self.monotonic()
        if left <= grace:
            left += grace
        if left <= 0:
            raise TimedOut(f"{self.words} are over", advice="Give it more time with --timeout.")
        words = f"in {self.words}" if left < longest else f"within {longest:g} s"
        watch = WATCH.get()
        if watch is not None and late is not None:
            # a socket's own timeout of as many seconds comes first: it ends the call, and it is tried again
            return watch.call(fn, min(left, longest + GRACE_SECONDS), lambda: late(Overdue(words)), last=left < longest)
        try:
            return within(min(left, longest), fn)
        except _TimeIsUp:
            raise Overdue(words) from None


NEVER = Deadline()


class Left(BaseException):
    """Ends a thread whose call returned after it had been left to itself."""


class Watch:
    """The calls of one thread, as somebody else looks after them who waits for what it does."""

    def __init__(self) -> None:
        # one at most; to take it out is to decide who goes on with it
        self._under_way: dict[object, tuple[float, Callable[[], PodidError], bool]] = {}
        # gives back what the thread holds; set by whoever takes it
        self.give_back: Callable[[], None] | None = None

    def call(self, fn: Callable[[], T], seconds: float, late: Callable[[], PodidError], *, last: bool) -> T:
        key = object()
        self._under_way[key] = (time.monotonic() + seconds, late, last)
        try:
            return fn()
        finally:
            if self._under_way.pop(key, None) is None:
                raise Left

    def leave(self) -> tuple[PodidError, bool] | None:
        """What has to be said of the call that is overdue, whose thread is from now on nobody's, and whether no time is
        left to make it again; None for no such."""
        now = time.monotonic()
        for key, (until, late, last) in tuple(self._under_way.items()):
            if until <= now and self._under_way.pop(key, None) is not None:
                if self.give_back is not None:
                    self.give_back()
                return late(), last
        return None


# the watch over this thread
WATCH: ContextVar[Watch | None] = ContextVar("podid_watch", default=None)


class _TimeIsUp(Exception):
    """The time of `within` is up."""


class _CallThread:
    """A thread that makes one call after the other. A daemon, so that a call that hangs never keeps the process
    alive."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._work, name="podid-call", daemon=True).start()

    def _work(self) -> None:
        while True:
            self.jobs.get()()


# to start a thread takes longer than many a call; whoever takes one out has it for himself. A forked process has none
_IDLE: list[_CallThread] = []
os.register_at_fork(after_in_child=_IDLE.clear)


def begun(fn: Callable[..., T], *args: Any) -> "Future[T]":
    """`fn` in a thread of its own. A daemon, unlike a ThreadPoolExecutor's: Ctrl-C waits neither for it nor for those
    that it waits for."""
    from concurrent.futures import Future

    future: Future[T] = Future()

    def work() -> None:
        try:
            future.set_result(fn(*args))
        except BaseException as error:  # noqa: BLE001  it is raised again where the result is read
            future.set_exception(error)

    threading.Thread(target=work, name="podid-begun", daemon=True).start()
    return future


def within(seconds: float, fn: Callable[[], T]) -> T:
    """What `fn` returns or raises."""
    outcome: SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = SimpleQueue()
    try:
        thread = _IDLE.pop()
    except IndexError:
        thread = _CallThread()

    def work() -> None:
        try:
            made: Any = fn(), None
        except BaseException as error:  # noqa: BLE001  it is raised again where it is waited for
            made = None, error
        _IDLE.append(thread)
        outcome.put(made)

    thread.jobs.put(partial(copy_context().run, work))
    try:
        result, error = outcome.get(timeout=seconds)
    except Empty:
        raise _TimeIsUp from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # there is no error
