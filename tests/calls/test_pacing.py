"""The pacer: what is tried again, for how long, and what a fan-out does when things go wrong."""

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress

import pytest

from podid.calls import pacing
from podid.calls.deadline import NEVER, Deadline, Overdue, submit
from podid.calls.pacing import (
    ALONE,
    ALONE_ATTEMPTS,
    ALONE_BACKOFF,
    LONGEST_BACKOFF,
    Pacer,
    attempt,
    backoff,
    fan_out,
    hurried,
)
from podid.domain.errors import (
    AccessDenied,
    ConnectionLost,
    LostAnswer,
    NotFound,
    PodidError,
    ServerFailed,
    Throttled,
    TimedOut,
    Unavailable,
    Unreachable,
    UnreadableAnswer,
)

from .raw_server import RawServer, dripping, limited_pool, whole


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def pacer_with(clock: Clock, patience: float = 60.0) -> Pacer:
    return Pacer(clock=clock, sleep=clock.sleep, jitter=lambda: 1.0, patience=patience)


def failing(*errors: PodidError) -> Callable[[], str]:
    left = list(errors)

    def fn() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return fn


# --- one call -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Throttled("slow"), ServerFailed("500"), ConnectionLost("reset")])
def test_a_passing_failure_of_a_read_is_tried_again(error: PodidError) -> None:
    assert pacer_with(Clock()).call(failing(error, error, error)) == "done"


@pytest.mark.parametrize("error", [AccessDenied("no"), NotFound("none"), UnreadableAnswer("html"), TimedOut("late")])
def test_any_other_error_is_raised_at_once(error: PodidError) -> None:
    clock = Clock()
    with pytest.raises(type(error)) as caught:
        pacer_with(clock).call(failing(error))
    assert caught.value is error
    assert clock.slept == []


def test_backoff_doubles_up_to_two_seconds() -> None:
    assert [backoff(attempt) for attempt in range(1, 8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert backoff(10_000) == 2.0


def test_a_lasting_failure_is_raised_when_patience_ends() -> None:
    clock = Clock()
    errors = [ServerFailed(str(n)) for n in range(100)]
    with pytest.raises(ServerFailed):
        pacer_with(clock, patience=10).call(failing(*errors))
    assert clock.now == pytest.approx(1010.0)


@pytest.mark.parametrize(("error", "seconds"), [(ServerFailed("500"), 10), (Throttled("slow"), 60)])
def test_a_failed_optional_read_is_not_retried(error: PodidError, seconds: float) -> None:
    """Also in a fan-out's threads, in the one that lists as in those that read; a throttle is no failure."""
    clock = Clock()
    with hurried(10), pytest.raises(type(error)):
        pacer_with(clock).call(failing(*[error] * 999))
    assert clock.now == pytest.approx(1000 + seconds)
    clocks = [Clock(), Clock()]

    def read(item: int) -> str:
        return pacer_with(clocks[item]).call(failing(*[error] * 999))

    def items() -> Iterator[int]:
        with suppress(PodidError):
            read(0)
        yield 1

    with hurried(10), pytest.raises(type(error)):
        list(fan_out(read, items()))
    assert [clock_.now for clock_ in clocks] == [pytest.approx(1000 + seconds)] * 2


@pytest.mark.parametrize(
    ("answers_others", "in_trouble", "may_fail", "tried"),
    [
        (True, 0, True, ALONE_ATTEMPTS),
        (True, ALONE, True, None),  # the service is in trouble, not the call
        (False, 0, True, None),
        (True, 0, False, None),  # the whole would end with it
    ],
)
def test_one_of_many_that_fails_alone_is_given_up_early(
    answers_others: bool, in_trouble: int, may_fail: bool, tried: int | None
) -> None:
    clock, tries = Clock(), 0
    pacer = pacer_with(clock)
    pacer._trouble(in_trouble)

    def describe() -> str:
        nonlocal tries
        tries += 1
        if answers_others:
            pacer.call(lambda: "another one")
        raise ServerFailed("503")

    one = lambda _: pacer.call(describe)  # noqa: E731  one line for both
    with pytest.raises(ServerFailed) if not may_fail else nullcontext():
        assert isinstance((attempt(one) if may_fail else one)(0), ServerFailed)
    assert tries == tried or (tried is None and clock.now >= 1010)
    alone = may_fail and in_trouble < ALONE
    assert max(clock.slept) == (ALONE_BACKOFF if alone else LONGEST_BACKOFF)
    pacer._trouble(-in_trouble)
    assert pacer._troubled == 0


def test_a_host_that_cannot_be_reached_is_tried_three_times() -> None:
    clock = Clock()
    with pytest.raises(Unreachable, match="3"):
        pacer_with(clock).call(failing(Unreachable("1"), Unreachable("2"), Unreachable("3")))
    assert clock.slept == [0.1, 0.2]


@pytest.mark.parametrize("error", [ServerFailed("500"), ConnectionLost("reset"), UnreadableAnswer("html")])
def test_a_write_whose_answer_is_lost_is_never_repeated(error: PodidError) -> None:
    calls = 0

    def write() -> None:
        nonlocal calls
        calls += 1
        raise error

    with pytest.raises(LostAnswer) as caught:
        pacer_with(Clock()).write(write)
    assert calls == 1
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [Throttled("slow"), Unreachable("refused")])
def test_a_write_that_was_certainly_not_carried_out_is_tried_again(error: PodidError) -> None:
    assert pacer_with(Clock()).write(failing(error)) == "done"


def test_a_failed_operation_is_not_called_again_for_a_moment() -> None:
    clock, asked = Clock(), list[str]()
    pacer = pacer_with(clock)

    def answer(operation: str, error: PodidError | None) -> str:
        def fn() -> str:
            asked.append(operation)
            if error is not None:
                raise error
            return "done"

        return pacer.call(fn, operation)

    with pytest.raises(ServerFailed):
        answer("Describe", ServerFailed("500 for a"))
    tries = len(asked)
    for _ in range(5000):
        with pytest.raises(Unavailable, match="not called again: 500 for a"):
            answer("Describe", None)
    assert len(asked) == tries
    assert answer("List", None) == "done"
    clock.sleep(5.1)
    assert answer("Describe", None) == "done"


def test_one_failing_operation_does_not_stop_others() -> None:
    pacer = pacer_with(Clock())

    def poisoned() -> None:
        pacer.call(lambda: None, "Describe")
        raise ServerFailed("500")

    with pytest.raises(ServerFailed):
        pacer.call(poisoned, "Describe")
    with pytest.raises(Throttled):
        pacer.call(failing(*[Throttled("slow")] * 999), "List")
    assert pacer.call(lambda: "done", "Describe") == pacer.call(lambda: "done", "List") == "done"


def test_a_connection_that_took_long_to_get_lost_is_tried_once_more() -> None:
    clock = Clock()

    def slow() -> str:
        clock.sleep(30)
        if len(clock.slept) == 1:
            raise ConnectionLost("no answer")
        return "done"

    assert pacer_with(clock).call(slow, "Describe") == "done"


# --- many calls ---------------------------------------------------------------------------------------------------


def paced(fn: Callable[[int], int], items: Iterable[int], pacer: Pacer | None = None) -> Iterator[tuple[int, int]]:
    """As the gateways do it: each call paced by itself."""
    pacer = pacer or Pacer()
    return pacing.fan_out(lambda item: pacer.call(lambda: fn(item)), items)


def podid_threads() -> int:
    return sum(thread.name == "podid-pacing" for thread in threading.enumerate())


def test_results_come_with_their_items() -> None:
    assert sorted(paced(lambda n: n * n, range(200))) == [(n, n * n) for n in range(200)]


def test_no_items_no_results() -> None:
    assert list(paced(lambda n: n, [])) == []


def test_first_results_come_while_later_pages_are_awaited() -> None:
    second_page = threading.Event()

    def pages() -> Iterator[int]:
        yield 1
        assert second_page.wait(5)
        yield 2

    results = paced(lambda n: n, pages())
    assert next(results) == (1, 1)
    second_page.set()
    assert list(results) == [(2, 2)]


def test_no_more_calls_at_once_than_workers_whatever_the_number_of_fan_outs() -> None:
    pacer = Pacer(workers=4)
    lock = threading.Lock()
    now, most = 0, 0

    def fn(n: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        with lock:
            now -= 1
        return n

    def run() -> None:
        assert len(list(paced(fn, range(40), pacer))) == 40

    others = [threading.Thread(target=run) for _ in range(3)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join()
    assert most == 4


def test_the_first_error_ends_the_fan_out_and_its_threads() -> None:

    def fn(n: int) -> int:
        if n == 3:
            raise AccessDenied("no", permission="eks:X")
        return n

    with pytest.raises(AccessDenied, match="no"):
        list(paced(fn, range(10_000)))
    assert podid_threads() == 0


def test_an_error_while_listing_is_raised() -> None:
    def pages() -> Iterator[int]:
        yield 1
        raise AccessDenied("may not list")

    with pytest.raises(AccessDenied, match="may not list"):
        list(paced(lambda n: n, pages()))


def test_leaving_early_wakes_workers_that_wait_for_their_turn() -> None:

    def fn(n: int) -> int:
        if n:
            raise Throttled("slow")
        return n

    began = time.monotonic()
    results = paced(fn, range(1000))
    assert next(results) == (0, 0)
    results.close()  # type: ignore[attr-defined]  # a generator in fact, and closing it is what leaving a loop does
    assert time.monotonic() - began < 1.5
    assert podid_threads() == 0


def test_ctrl_c_in_the_reader_ends_the_threads() -> None:

    def read() -> None:
        for _ in paced(lambda n: n, range(1000)):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read()
    assert podid_threads() == 0


@pytest.mark.parametrize("read", [lambda n: next(fan_out(wait, [n])), lambda n: submit(wait, n).result()])
def test_ctrl_c_waits_for_no_read_that_hangs(read: Callable[[int], object]) -> None:
    OVER.clear()
    pressed = threading.Timer(0.1, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    pressed.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        read(20)
    assert time.monotonic() - began < 2.0
    OVER.set()
    pressed.join()


OVER = threading.Event()


def wait(seconds: int) -> None:
    OVER.wait(seconds)


def test_a_submitted_call_returns_its_result_or_error() -> None:
    assert submit(lambda a, b: a + b, 1, 2).result() == 3
    with pytest.raises(AccessDenied, match="no"):
        submit(refuse, "no").result()


def refuse(what: str) -> None:
    raise AccessDenied(what)


def test_attempt_turns_errors_into_results() -> None:
    def fn(n: int) -> int:
        if n == 1:
            raise NotFound("none")
        return n

    results = dict(pacing.fan_out(pacing.attempt(fn), range(3)))
    assert (results[0], results[2]) == (0, 2)
    assert isinstance(results[1], NotFound)


def test_a_limit_is_kept_to_on_real_threads_without_a_failure() -> None:
    """600 calls against 500 a second with a burst of 100 need a second."""
    lock = threading.Lock()
    tokens, filled_at = 100.0, time.monotonic()

    def describe(n: int) -> int:
        nonlocal tokens, filled_at
        time.sleep(0.01)
        with lock:
            now = time.monotonic()
            tokens, filled_at = min(100.0, tokens + (now - filled_at) * 500), now
            if tokens < 1:
                raise Throttled("Rate exceeded")
            tokens -= 1
            return n

    began = time.monotonic()
    results = list(paced(describe, range(600)))
    assert len(results) == 600
    assert time.monotonic() - began < 3


# --- calls that hang ----------------------------------------------------------------------------------------------

LONGEST = 0.3


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call may take as long as failures are put up with: it is made twice, as in life."""
    monkeypatch.setattr(pacing, "FAILING_SECONDS", LONGEST)


Read = Callable[[int], int]


@contextmanager
def hanging(
    times: int, *, deadline: Deadline = NEVER, longest: float = LONGEST, workers: int = 2, all_of_them: bool = False
) -> Iterator[tuple[Read, RawServer]]:
    """A read in so many slots, by a server that drips for `/0`, or for everything, so many times."""

    def answer(server: RawServer, path: str) -> Iterator[bytes]:
        hangs = (all_of_them or path == "/0") and server.asked.count(path) <= times
        return dripping() if hangs else whole(path)

    server, pool, pacer = RawServer(answer), limited_pool(), Pacer(workers=workers, deadline=deadline)

    def get(item: int) -> int:
        return int(pool.request("GET", f"{server.url}/{item}", timeout=5.0, retries=False).data[1:])

    def once(item: int) -> int:
        try:
            return deadline.call(lambda: get(item), longest)
        except Overdue as error:
            raise ConnectionLost(f"no answer {error}") from None

    yield lambda item: pacer.call(lambda: once(item), "Read"), server
    server.close()


@pytest.mark.usefixtures("impatient")
def test_a_read_that_hangs_is_made_again() -> None:
    with hanging(1) as (read, server):
        assert sorted(fan_out(read, range(40))) == [(n, n) for n in range(40)]
        assert server.asked.count("/0") == 2
        assert list(fan_out(read, [1])) == [(1, 1)], "what hung gave its slot back"


@pytest.mark.usefixtures("impatient")
def test_a_read_that_hangs_for_good_fails_alone() -> None:
    with hanging(100) as (read, server):
        by_item = dict(fan_out(attempt(read), range(40)))
        error = by_item.pop(0)
        assert by_item == {n: n for n in range(1, 40)}
        assert (type(error), str(error)) == (ConnectionLost, f"no answer within {LONGEST} s")
        assert server.asked.count("/0") == 2
        with pytest.raises(ConnectionLost, match="no answer within"):
            list(fan_out(read, range(40)))


@pytest.mark.usefixtures("impatient")
def test_reads_that_all_hang_are_given_up_together() -> None:
    began = time.monotonic()
    with hanging(100, workers=pacing.WORKERS, all_of_them=True) as (read, server):
        by_item = dict(fan_out(attempt(read), range(2000)))
    assert time.monotonic() - began < 10
    assert len(by_item) == 2000
    assert {type(error) for error in by_item.values()} <= {ConnectionLost, Unavailable}
    assert len(server.asked) < 5 * pacing.WORKERS
    assert str(by_item[1999]) == f"not called again: no answer within {LONGEST} s"


@pytest.mark.usefixtures("impatient")
def test_a_read_that_hangs_when_the_time_is_up_is_not_made_again() -> None:
    deadline = Deadline.after(0.3, "the 0.3 s of --timeout", time.monotonic)
    with hanging(100, deadline=deadline, longest=9.0) as (read, server):
        with pytest.raises(ConnectionLost, match=r"no answer in the 0.3 s of --timeout"):
            list(fan_out(read, [0]))
        assert server.asked == ["/0"]


@pytest.mark.parametrize("writes", [True, False])
def test_a_call_in_a_fan_out_is_made_in_its_threads(writes: bool) -> None:
    names = fan_out(lambda _: NEVER.call(lambda: threading.current_thread().name, 5.0), [1], writes=writes)
    assert dict(names) == {1: "podid-pacing"}
