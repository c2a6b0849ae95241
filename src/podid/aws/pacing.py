"""Every AWS call goes through here: one pacer per service, and one way to make many calls at once.

botocore's own retries are off (see `podid.aws.session`). Its standard mode gives up after a few throttles and its
adaptive mode takes twice as long as the service's limit asks for; a pacer shares one rate among all workers, tries
again until a deadline, and never repeats a write that may have been carried out.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from podid.aws.errors import ConnectionLost, ServerFailed, Unreachable, lost_answer
from podid.aws.rate import Rate
from podid.domain.deadline import NEVER, WATCH, Deadline, Left, Watch
from podid.domain.errors import PodidError, Throttled, Unavailable, UnreadableAnswer
from podid.domain.giving_up import GivenUp

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
FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 2.0
# how long a fan-out that is given up waits for the calls that are under way: who presses Ctrl-C waits no longer
GRACE_SECONDS = 1.0
# how often a fan-out to which nothing comes looks for calls that hang, and how often one of its reads may
LOOK_SECONDS = 0.5
HANGS = 2


class Stopped(Exception):
    """Ends a worker that sleeps in a fan-out which nobody reads any more; no failure."""


_stop: ContextVar[threading.Event | None] = ContextVar("podid_stop", default=None)
# whether the others go on without the call
_may_fail: ContextVar[bool] = ContextVar("podid_may_fail", default=False)
# how many seconds failures of a service are put up with, where that is less than for others
_for_failures: ContextVar[float | None] = ContextVar("podid_for_failures", default=None)


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
            self._give_back()

    def call(self, fn: Callable[[], T], operation: str = "") -> T:
        """What `fn` returns, by which the service is asked for `operation`; its last error once patience is at an
        end."""
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
        """As `call`, but only what the service certainly did not carry out (a throttle, no connection) is tried again:
        an answer that got lost is a LostAnswer."""

        def once() -> T:
            try:
                return fn()
            except (ServerFailed, ConnectionLost, UnreadableAnswer) as error:
                raise lost_answer(error) from error

        return self.call(once)

    def _attempt(self, fn: Callable[[], T]) -> T:
        self._wait_for_turn()
        self._slots.get()
        if watch := WATCH.get():
            watch.give_back = self._give_back
        sent_at = self._clock()
        try:
            result = fn()
        except Left:  # the slot was given back by whoever left the call
            raise
        except BaseException as error:
            self._give_back()
            if isinstance(error, Throttled):
                with self._lock:
                    self._rate.throttled(self._clock(), sent_at)
            elif isinstance(error, PodidError):
                self._delivered()
            raise
        self._give_back()
        self._delivered()
        self._answered += 1  # some may get lost: it only tells whether there were any
        return result

    def _give_back(self) -> None:
        self._slots.put(None)

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
    """The longest wait in seconds before try number `attempt + 1`."""
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


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T, R]):
    """What a function returns, or the PodidError that it raises."""

    fn: Callable[[T], R]

    def __call__(self, item: T) -> R | PodidError:
        before = _may_fail.set(True)
        try:
            return self.fn(item)
        except PodidError as error:
            return error
        finally:
            _may_fail.reset(before)


def attempt(fn: Callable[[T], R]) -> Callable[[T], R | PodidError]:
    """`fn`, but it returns a PodidError instead of raising it: for a fan-out that goes on after a failure."""
    return Attempt(fn)


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """What is read here can be done without: a service that fails, but for its throttles, is asked again for no longer
    than this."""
    before = _for_failures.set(seconds)
    try:
        yield
    finally:
        _for_failures.reset(before)


def fan_out(fn: Callable[[T], R], items: Iterable[T], *, reads: bool = False) -> Iterator[tuple[T, R]]:
    """(item, fn(item)) as they arrive, many at once; `fn` paces itself, as the methods of the gateways do.

    `items` may be an iterator that itself waits for AWS, page by page: calls start while later pages still come. The
    first error ends the whole and is raised here. To stop early, close the iterator or leave the loop. `reads` says
    that `fn` changes nothing, so that it may be left where it hangs, and begun anew.
    """
    crew: _Crew[T, R] = _Crew(fn, reads=reads)
    grace = GRACE_SECONDS
    try:
        crew.feed(items)
        yield from crew.results()
    except KeyboardInterrupt:
        grace = 0.0 if reads else GRACE_SECONDS
        raise
    finally:
        crew.dismiss(grace)


@dataclass(frozen=True, slots=True)
class _Failed:
    error: BaseException


@dataclass(frozen=True, slots=True)
class _Fed:
    """All items are in the queue; this many results are to be expected."""

    count: int


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    item: T
    hung: int = 0  # how often it was left


@dataclass(eq=False, slots=True)
class _Hand(Generic[T]):
    """One of the threads, as the fan-out's reader sees it."""

    watch: Watch = field(default_factory=Watch)
    job: _Job[T] | None = None
    before: int = 0  # how many results there were when it began


class _Crew(Generic[T, R]):
    """The threads of one fan-out: one that reads `items`, and up to WORKERS that call `fn`.

    They are daemons, so that a call that hangs never keeps the process alive after Ctrl-C.
    """

    def __init__(self, fn: Callable[[T], R], *, reads: bool) -> None:
        self._fn = fn
        self._reads = reads
        self._for_failures = _for_failures.get()
        self._todo: SimpleQueue[_Job[T] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[T, R] | _Failed | _Fed] = SimpleQueue()
        self._stop = threading.Event()
        self._workers: dict[_Hand[T], threading.Thread] = {}
        self._yielded = 0
        self._hopeless: PodidError | None = None

    def feed(self, items: Iterable[T]) -> None:
        self._reader = self._start(lambda: self._read(items))

    def results(self) -> Iterator[tuple[T, R]]:
        expected = -1
        while self._yielded != expected:
            try:
                found = self._done.get(timeout=LOOK_SECONDS)
            except Empty:
                self._look_after_all()
                continue
            match found:
                case _Fed(count):
                    expected = count
                case _Failed(error):
                    raise error
                case result:
                    self._yielded += 1
                    yield result

    def dismiss(self, grace: float) -> None:
        self._stop.set()
        for _ in range(WORKERS):
            self._todo.put(None)
        until = time.monotonic() + grace
        self._reader.join(grace)  # it hires
        for thread in tuple(self._workers.values()):
            thread.join(max(0.0, until - time.monotonic()))

    def _look_after_all(self) -> None:
        """Leaves the threads whose calls hang, and has others go on in their place."""
        for worker in tuple(self._workers):
            left = worker.watch.leave()
            job = worker.job
            if left is None or job is None:
                continue
            error, last = left
            del self._workers[worker]
            # before the others: where it hangs again, all may
            again = _Job(job.item, job.hung + 1) if not last and job.hung + 1 < HANGS else None
            self._hire(again)
            if again is not None:
                continue
            if isinstance(self._fn, Attempt):
                self._done.put((job.item, error))  # type: ignore[arg-type]  # an attempt returns errors
                if worker.before == self._yielded:
                    self._hopeless = Unavailable(f"not asked any more: {error.what}", advice=error.advice)
            else:
                self._done.put(_Failed(error))

    def _hire(self, job: _Job[T] | None = None) -> None:
        worker = _Hand(job=job)
        self._workers[worker] = self._start(lambda: self._work(worker))

    def _start(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._guard, args=(work,), name="podid-pacing", daemon=True)
        thread.start()
        return thread

    def _guard(self, work: Callable[[], None]) -> None:
        _stop.set(self._stop)
        _for_failures.set(self._for_failures)
        try:
            work()
        except (Stopped, Left):
            return
        except BaseException as error:  # noqa: BLE001  it is raised again where the results are read
            self._done.put(_Failed(error))

    def _read(self, items: Iterable[T]) -> None:
        count = 0
        for item in items:
            if self._stop.is_set():
                return
            self._todo.put(_Job(item))
            count += 1
            if count <= WORKERS:
                self._hire()
        self._done.put(_Fed(count))

    def _work(self, worker: _Hand[T]) -> None:
        if self._reads:
            WATCH.set(worker.watch)
        job = worker.job or self._todo.get()
        while job is not None and not self._stop.is_set():
            worker.job, worker.before = job, self._yielded
            found = self._hopeless or self._fn(job.item)
            self._done.put((job.item, found))  # type: ignore[arg-type]  # only an attempt is hopeless
            job = self._todo.get()
