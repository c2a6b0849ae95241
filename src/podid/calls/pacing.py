"""Every AWS call goes through a pacer, one per service; and one way to make many calls at once, of any service.

botocore's own retries are off (see `podid.aws.session`). Its standard mode gives up after a few throttles and its
adaptive mode takes twice as long as the service's limit asks for; a pacer shares one rate among all workers, tries
again until a deadline, and never repeats a write that may have been carried out.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

from podid.calls.deadline import NEVER, Deadline
from podid.calls.rate import Rate
from podid.domain.errors import (
    ConnectionLost,
    LostAnswer,
    PodidError,
    ServerFailed,
    Throttled,
    Unavailable,
    Unreachable,
    UnreadableAnswer,
)

T = TypeVar("T")
R = TypeVar("R")

WORKERS = 64
PATIENCE_SECONDS = 60.0
# a service that fails as long is no better in a minute; one that throttles is
FAILING_SECONDS = 10.0
# a name that does not resolve or a port that refuses will hardly be better in a minute
UNREACHABLE_ATTEMPTS = 3
# one of many calls that the service refuses as often, while it answers nearly all others: it is not worth a minute
ALONE_ATTEMPTS = 6
ALONE = WORKERS // 8
# and the others, which are done in seconds, do not wait for it
ALONE_BACKOFF = 0.5
# how long nobody asks again for what was given up
NOT_AGAIN_SECONDS = 5.0
FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 2.0
# how long a fan-out that is given up waits for the calls that are under way: who presses Ctrl-C waits no longer
GRACE_SECONDS = 1.0


class Stopped(Exception):
    """Ends a worker that sleeps in a fan-out which nobody reads any more; no failure."""


_stop: ContextVar[threading.Event | None] = ContextVar("podid_stop", default=None)
# whether the others go on without the call
_may_fail: ContextVar[bool] = ContextVar("podid_may_fail", default=False)
# how many seconds failures of a service are put up with, where that is less than for others
_for_failures: ContextVar[float | None] = ContextVar("podid_for_failures", default=None)


class GivenUp:
    """What a service failed to answer for as long as it was worth trying, by operation: for a moment nobody asks for it
    again. Without this each of thousands of calls of one operation would fail for that long.

    Safe to use from several threads: a count that gets lost tells no less that there were
    answers."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers = Counter[str]()
        self._failed: dict[str, tuple[float, Unavailable]] = {}

    def begin(self, operation: str) -> int:
        """Return how often it was answered so far. Raise Unavailable where it was given up a moment ago."""
        until, error = self._failed.get(operation, (0.0, None))
        if error is not None and self._clock() < until:
            raise Unavailable(
                f"not asked again: {error.message}", subject=error.subject, advice=error.advice
            ) from error
        return self._answers[operation]

    def answered(self, operation: str) -> None:
        self._answers[operation] += 1
        self._failed.pop(operation, None)

    def add(self, operation: str, answers: int, error: Unavailable) -> None:
        """A call failed until its time was up. One that fails alone, while others are answered, says nothing of
        them: `answers` is what `begin` gave for it."""
        if self._answers[operation] == answers:
            self._failed[operation] = (self._clock() + NOT_AGAIN_SECONDS, error)


class Pacer:
    """The controller that everything shares which calls one service of one account and region.

    Throttles are tried again with full jitter until `patience` seconds have passed or the command's time is up, 5xx and
    lost connections for FAILING_SECONDS. An operation that failed so long, and was not answered meanwhile, is not asked
    for again for a moment. Of many that go on without each other (`attempt`), one that fails nearly alone is given up
    after some tries.
    """

    def __init__(
        self,
        *,
        workers: int = WORKERS,
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
        jitter: Callable[[], float] = random.random,
        deadline: Deadline = NEVER,
    ) -> None:
        self.patience = patience
        self._clock = clock
        self._sleep = sleep or _sleep
        self._jitter = jitter
        self._command = deadline
        self._rate = Rate()
        self._given_up = GivenUp(clock)
        self._answered = 0
        self._troubled = 0  # calls that failed and are tried again
        self._lock = threading.Lock()
        # a semaphore, at a tenth of what Python's takes
        self._slots: SimpleQueue[None] = SimpleQueue()
        for _ in range(workers):
            self._slots.put(None)

    def call(self, fn: Callable[[], T], operation: str = "") -> T:
        """Return what `fn` returns, which asks the service for `operation`. Raise its last error once patience is at
        an end."""
        # not Patience.rounds(), which looks once more at the deadline: here no call may begin after it
        began = self._clock()
        deadline = began + min(self.patience, self._command.left())
        attempt, answered, answers = 0, self._answered, self._given_up.begin(operation)
        try:
            while True:
                try:
                    result = self._attempt(fn)
                except Unavailable as error:
                    attempt += 1
                    self._trouble(attempt == 1)
                    left = _until(error, attempt, began, deadline) - self._clock()
                    if not _again(error, attempt) or self._fails_alone(error, attempt, answered):
                        raise
                    if left <= 0:
                        if operation and not isinstance(error, Throttled):
                            self._given_up.add(operation, answers, error)
                        raise
                    longest = ALONE_BACKOFF if self._is_alone(error) else LONGEST_BACKOFF
                    self._sleep(min(left, self._jitter() * min(longest, backoff(attempt))))
                else:
                    self._given_up.answered(operation)
                    return result
        finally:
            if attempt:
                self._trouble(-1)

    def _trouble(self, more: int) -> None:
        with self._lock:
            self._troubled += more

    def _fails_alone(self, error: Unavailable, attempt: int, answered: int) -> bool:
        """Whether the service has `answered` others meanwhile, and refuses hardly any but this one."""
        return attempt >= ALONE_ATTEMPTS and self._is_alone(error) and self._answered > answered

    def _is_alone(self, error: Unavailable) -> bool:
        return _may_fail.get() and not isinstance(error, Throttled) and self._troubled <= ALONE

    def write(self, fn: Callable[[], T]) -> T:
        """As `call`, but try again only what the service certainly did not carry out (a throttle, no connection): an
        answer that got lost is a LostAnswer."""

        def once() -> T:
            try:
                return fn()
            except (ServerFailed, ConnectionLost, UnreadableAnswer) as error:
                raise LostAnswer.of(error) from error

        return self.call(once)

    def _attempt(self, fn: Callable[[], T]) -> T:
        self._wait_for_turn()
        self._slots.get()
        sent_at = self._clock()
        try:
            result = fn()
        except Throttled:
            with self._lock:
                self._rate.throttled(self._clock(), sent_at)
            raise
        except PodidError:
            self._delivered()
            raise
        finally:
            self._slots.put(None)
        self._delivered()
        self._answered += 1  # some may get lost: it only tells whether there were any
        return result

    def _wait_for_turn(self) -> None:
        ours = False
        while not ours:
            with self._lock:
                wait, ours = self._rate.reserve(self._clock())
            if wait > 0:
                self._sleep(wait)

    def _delivered(self) -> None:
        with self._lock:
            self._rate.delivered(self._clock())


def backoff(attempt: int) -> float:
    """Return the longest wait in seconds before try number `attempt + 1`."""
    return min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(attempt - 1, 10))


def _until(error: Unavailable, attempt: int, began: float, deadline: float) -> float:
    """When it is tried no more. A connection that took long to get lost is worth another one."""
    hurried = _for_failures.get()
    if isinstance(error, Throttled) or (hurried is None and attempt == 1):
        return deadline
    return min(deadline, began + (FAILING_SECONDS if hurried is None else hurried))


def _again(error: Unavailable, attempt: int) -> bool:
    if isinstance(error, Unreachable):
        return attempt < UNREACHABLE_ATTEMPTS
    return isinstance(error, Throttled | ServerFailed | ConnectionLost)


def _sleep(seconds: float) -> None:
    stop = _stop.get()
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise Stopped


def attempt(fn: Callable[[T], R]) -> Callable[[T], R | PodidError]:
    """Return `fn`, but it returns a PodidError instead of raising it: for a fan-out that goes on after a failure."""

    def attempted(item: T) -> R | PodidError:
        before = _may_fail.set(True)
        try:
            return fn(item)
        except PodidError as error:
            return error
        finally:
            _may_fail.reset(before)

    return attempted


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """What is read here can be done without: a service that fails, but for its throttles, is asked again for no longer
    than this."""
    before = _for_failures.set(seconds)
    try:
        yield
    finally:
        _for_failures.reset(before)


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


@dataclass(frozen=True, slots=True)
class _Fed:
    """All items are in the queue; this many results are to be expected."""

    count: int


def fan_out(fn: Callable[[T], R], items: Iterable[T], *, reads: bool = False) -> Iterator[tuple[T, R]]:
    """Yield (item, fn(item)) as they arrive, many at once; `fn` paces itself, as the methods of the gateways do.

    `items` may be an iterator that itself waits for AWS, page by page: calls start while later pages still come. The
    first error ends the whole and is raised here. To stop early, close the iterator or leave the loop. `reads` says
    that `fn` changes nothing, so that Ctrl-C waits for no call that is under way.
    """
    todo: SimpleQueue[tuple[T] | None] = SimpleQueue()  # None ends a thread
    done: SimpleQueue[tuple[T, R] | _Failed | _Fed] = SimpleQueue()
    stop, seconds, threads = threading.Event(), _for_failures.get(), list[threading.Thread]()

    def start(work: Callable[[], None]) -> None:
        # daemons, so that a call that hangs never keeps the process alive after Ctrl-C
        threads.append(threading.Thread(target=guard, args=(work,), name="podid-pacing", daemon=True))
        threads[-1].start()

    def guard(work: Callable[[], None]) -> None:
        _stop.set(stop)
        _for_failures.set(seconds)
        try:
            work()
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001  it is raised again where the results are read
            done.put(_Failed(error))

    def feed() -> None:
        count = 0
        for item in items:
            if stop.is_set():
                return
            todo.put((item,))
            count += 1
            if count <= WORKERS:
                start(call)
        done.put(_Fed(count))

    def call() -> None:
        while (job := todo.get()) is not None and not stop.is_set():
            done.put((job[0], fn(job[0])))

    start(feed)
    expected, count, grace = -1, 0, GRACE_SECONDS
    try:
        while count != expected:
            match done.get():
                case _Fed(fed):
                    expected = fed
                case _Failed(error):
                    raise error
                case result:
                    count += 1
                    yield result
    except KeyboardInterrupt:
        grace = 0.0 if reads else GRACE_SECONDS
        raise
    finally:
        stop.set()
        for _ in range(WORKERS):
            todo.put(None)
        until = time.monotonic() + grace
        for thread in threads:  # the first one starts the others
            thread.join(max(0.0, until - time.monotonic()))
