"""Pacing of AWS calls, with one pacer for each service; and concurrent calls of any service.

botocore's own retries are disabled (see `podid.aws.session`): its standard mode gives up after a few throttles, and its
adaptive mode takes twice as long as the service's limit requires. A pacer shares one rate among all workers, retries
until a deadline, and never repeats a write that may have taken effect.
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
from typing import Any, TypeVar, cast

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
# a longer wait helps against throttling, but rarely against failures
FAILING_SECONDS = 10.0
# a longer wait rarely helps if a name does not resolve or a port refuses connections
UNREACHABLE_ATTEMPTS = 3
# attempts for one of many calls that fails while the service answers nearly all others
ALONE_ATTEMPTS = 6
ALONE = WORKERS // 8
# its longest wait, so that it does not delay the others, which finish within seconds
ALONE_BACKOFF = 0.5
# a failed operation is not called again for this time
NOT_AGAIN_SECONDS = 5.0
FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 2.0
# an aborted fan-out waits at most this long for its running calls, so that Ctrl-C returns quickly
GRACE_SECONDS = 1.0


class Stopped(Exception):
    """Ends a sleeping worker of a fan-out that was closed; not a failure."""


_stop: ContextVar[threading.Event | None] = ContextVar("podid_stop", default=None)
# whether the other calls continue if this one fails
_may_fail: ContextVar[bool] = ContextVar("podid_may_fail", default=False)
# the most concurrent calls of a fan-out, less where many fan-outs run at the same time
_workers: ContextVar[int] = ContextVar("podid_workers", default=WORKERS)
# seconds of retries after failures, if less than the default
_for_failures: ContextVar[float | None] = ContextVar("podid_for_failures", default=None)


class GivenUp:
    """Operations that a service failed to answer until the retries ended. They are not called again for a moment:
    otherwise each of thousands of calls would retry for that long.

    Safe to use from several threads: a lost count still shows that there were answers."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers = Counter[str]()
        self._failed: dict[str, tuple[float, Unavailable]] = {}

    def begin(self, operation: str) -> int:
        """Return the number of answers so far. Raise Unavailable if the operation failed a moment ago."""
        until, error = self._failed.get(operation, (0.0, None))
        if error is not None and self._clock() < until:
            raise Unavailable(
                f"not called again: {error.message}", subject=error.subject, advice=error.advice
            ) from error
        return self._answers[operation]

    def answered(self, operation: str) -> None:
        self._answers[operation] += 1
        self._failed.pop(operation, None)

    def add(self, operation: str, answers: int, error: Unavailable) -> None:
        """Record a call that failed until its retries ended. Ignore it if others were answered meanwhile: `answers` is
        the result of `begin`."""
        if self._answers[operation] == answers:
            self._failed[operation] = (self._clock() + NOT_AGAIN_SECONDS, error)


class Pacer:
    """The rate limiter shared by all calls of one service in one account and region.

    Throttled calls are retried with full jitter until `patience` seconds or the command's deadline pass; 5xx and lost
    connections for FAILING_SECONDS. An operation that failed that long without any answer is not called again for a
    moment. Of many independent calls (`attempt`), one that fails nearly alone is given up after some attempts.
    """

    def __init__(
        self,
        *,
        workers: int = WORKERS,
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
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
        self._troubled = 0  # calls that failed and are retried
        self._lock = threading.Lock()
        # a semaphore, ten times as fast as Python's
        self._slots: SimpleQueue[None] = SimpleQueue()
        for _ in range(workers):
            self._slots.put(None)

    def call(self, fn: Callable[[], T], operation: str = "") -> T:
        """Return the result of `fn`, which calls `operation` of the service. Raise its last error after the retries."""
        # not Patience.rounds(), which has a last round at the deadline: here no call may start after it
        began = self._clock()
        deadline = began + min(self.patience, self._command.remaining())
        attempt, answered, answers = 0, self._answered, self._given_up.begin(operation)
        try:
            while True:
                try:
                    result = self._attempt(fn)
                except Unavailable as error:
                    attempt += 1
                    self._trouble(attempt == 1)
                    remaining = _until(error, attempt, began, deadline) - self._clock()
                    if not _again(error, attempt) or self._fails_alone(error, attempt, answered):
                        raise
                    if remaining <= 0:
                        if operation and not isinstance(error, Throttled):
                            self._given_up.add(operation, answers, error)
                        raise
                    longest = ALONE_BACKOFF if self._is_alone(error) else LONGEST_BACKOFF
                    self._sleep(min(remaining, self._jitter() * min(longest, backoff(attempt))))
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
        """Return whether the service `answered` other calls meanwhile, and hardly any other call fails."""
        return attempt >= ALONE_ATTEMPTS and self._is_alone(error) and self._answered > answered

    def _is_alone(self, error: Unavailable) -> bool:
        return _may_fail.get() and not isinstance(error, Throttled) and self._troubled <= ALONE

    def write(self, fn: Callable[[], T]) -> T:
        """Do as `call`, but retry only if the write certainly had no effect (throttled, no connection). Raise
        LostAnswer if the answer was lost."""

        def once() -> T:
            try:
                return fn()
            except (ServerFailed, ConnectionLost, UnreadableAnswer) as error:
                raise LostAnswer.of(error) from error

        return self.call(once)

    def _attempt(self, fn: Callable[[], T]) -> T:
        ours = False
        while not ours:
            with self._lock:
                wait, ours = self._rate.reserve(self._clock())
            if wait > 0:
                self._sleep(wait)
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
        self._answered += 1  # counts may get lost: only a change matters
        return result

    def _delivered(self) -> None:
        with self._lock:
            self._rate.delivered(self._clock())


def backoff(attempt: int) -> float:
    """Return the longest wait in seconds before attempt number `attempt + 1`."""
    return min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(attempt - 1, 10))


def _until(error: Unavailable, attempt: int, began: float, deadline: float) -> float:
    """Return the time after which the call is not retried. A first failure is retried however long it took."""
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
    """Return `fn`, but with a PodidError returned instead of raised: for a fan-out that continues after failures."""

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
    """Retry failures for at most `seconds` in this block, except throttles: for optional reads."""
    before = _for_failures.set(seconds)
    try:
        yield
    finally:
        _for_failures.reset(before)


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


@dataclass(frozen=True, slots=True)
class _Part:
    """One of several results of an item."""

    value: object


@dataclass(frozen=True, slots=True)
class _Fed:
    """All items are in the queue; the number of results to expect."""

    count: int


def fan_out(fn: Callable[[T], R], items: Iterable[T], *, writes: bool = False) -> Iterator[tuple[T, R]]:
    """Yield (item, fn(item)) as they arrive, with many concurrent calls; `fn` paces itself, as the gateways' methods
    do.

    `items` may be an iterator that reads pages from AWS: calls start before the last page arrives. The first error ends
    the fan-out and is raised here. To stop early, close the iterator or leave the loop. `writes` declares that `fn`
    changes something, so that Ctrl-C waits a moment for running calls.
    """
    return _results(lambda item, put: put((item, fn(item))), items, writes, _workers.get())


def fan_out_parts(
    fn: Callable[[T], Iterable[R]], items: Iterable[T], *, workers: int, of_nested: int = WORKERS
) -> Iterator[R]:
    """Yield all results of `fn(item)`, of which an item has several, as they arrive: otherwise as `fan_out`. At most
    `workers` items are processed at a time. A fan-out in `fn` has at most `of_nested` workers."""

    def work(item: T, put: Callable[[Any], None]) -> None:
        _workers.set(of_nested)
        for result in fn(item):
            if (stop := _stop.get()) is not None and stop.is_set():
                raise Stopped
            put(_Part(result))
        put((item, None))

    for result in _results(work, items, False, workers):
        if isinstance(result, _Part):
            yield cast("R", result.value)


def _results(
    work: Callable[[T, Callable[[Any], None]], None], items: Iterable[T], writes: bool, workers: int
) -> Iterator[Any]:
    """Yield all that `work` puts: parts, and one tuple for each item."""
    todo: SimpleQueue[tuple[T] | None] = SimpleQueue()  # None ends a thread
    done: SimpleQueue[Any] = SimpleQueue()
    stop, seconds, nested, threads = threading.Event(), _for_failures.get(), _workers.get(), list[threading.Thread]()

    def start(run: Callable[[], None]) -> None:
        # daemons, so that a hanging call does not keep the process alive after Ctrl-C
        threads.append(threading.Thread(target=guard, args=(run,), name="podid-pacing", daemon=True))
        threads[-1].start()

    def guard(run: Callable[[], None]) -> None:
        _stop.set(stop)
        _for_failures.set(seconds)
        _workers.set(nested)
        try:
            run()
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001  raised again in the caller's thread
            done.put(_Failed(error))

    def feed() -> None:
        count = 0
        for item in items:
            if stop.is_set():
                return
            todo.put((item,))
            count += 1
            if count <= workers:
                start(call)
        done.put(_Fed(count))

    def call() -> None:
        while (job := todo.get()) is not None and not stop.is_set():
            work(job[0], done.put)

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
                    count += isinstance(result, tuple)
                    yield result
    except KeyboardInterrupt:
        grace = GRACE_SECONDS if writes else 0.0
        raise
    finally:
        stop.set()
        for _ in range(workers):
            todo.put(None)
        until = time.monotonic() + grace
        for thread in threads:  # the first one starts the others
            thread.join(max(0.0, until - time.monotonic()))
