"""The rate of calls, against a simulated service."""

import heapq
import math

import pytest

from podid.calls.pacing import (
    backoff,
)
from podid.calls.rate import Rate


def simulate(calls: int, *, limit: float, burst: float, workers: int = 64, latency: float = 0.05) -> tuple[float, int]:
    """Seconds and throttles until `calls` are done: the pacer's loop, event by event, on a clock of its own."""
    rate = Rate()
    tokens, filled_at = burst, 0.0
    refused, done, started = 0, 0, min(workers, calls)
    events: list[tuple[float, int, str, float, int]] = []
    for worker in range(started):
        heapq.heappush(events, (0.0, worker, "ready", 0.0, 1))
    now = 0.0
    while done < calls:
        now, worker, event, sent_at, attempt = heapq.heappop(events)
        if event == "send":
            heapq.heappush(events, (now + latency, worker, "answer", now, attempt))
        elif event == "ready":
            wait, ours = rate.reserve(now)
            heapq.heappush(events, (now + wait, worker, "send" if ours else "ready", 0.0, attempt))
        else:
            tokens, filled_at = min(burst, tokens + (now - filled_at) * limit), now
            if tokens >= 1:
                tokens -= 1
                rate.delivered(now)
                done += 1
                if started < calls:
                    started += 1
                    heapq.heappush(events, (now, worker, "ready", 0.0, 1))
            else:
                refused += 1
                rate.throttled(now, sent_at)
                heapq.heappush(events, (now + backoff(attempt) / 2, worker, "ready", 0.0, attempt + 1))
    return now, refused


@pytest.mark.parametrize(("limit", "burst"), [(100.0, 100.0), (100.0, 1.0), (100.0, 1000.0), (20.0, 20.0), (5.0, 5.0)])
def test_calls_take_hardly_longer_than_the_limit_of_the_service_requires(limit: float, burst: float) -> None:
    calls = int(50 * limit + burst)
    seconds, refused = simulate(calls, limit=limit, burst=burst)
    assert seconds < 1.3 * 50
    assert refused < 0.25 * calls + 128


def test_no_call_waits_without_throttles() -> None:
    seconds, refused = simulate(640, limit=1e9, burst=1e9)
    assert (round(seconds, 6), refused) == (0.5, 0)


def test_calls_that_were_sent_before_the_cut_do_not_cut_again() -> None:
    rate = Rate()
    for n in range(100):
        rate.delivered(n / 100)
    rate.throttled(1.0, sent_at=0.95)
    once = rate.per_second
    for _ in range(60):
        rate.throttled(1.02, sent_at=0.97)
    assert rate.per_second == once
    assert once == pytest.approx(0.92 * 99, rel=0.02)


def test_the_rate_recovers_after_one_throttle() -> None:
    rate = Rate()
    assert math.isinf(rate.per_second)
    rate.throttled(10.0, sent_at=9.9)
    assert rate.per_second == 1.0
    now = 10.0
    sent = 0
    while sent < 20:
        wait, ours = rate.reserve(now)
        now += wait
        if ours:
            sent += 1
            now += 0.05
            rate.delivered(now)
    assert now < 15
