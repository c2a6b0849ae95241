"""How close the pacer comes to a service's limit: 5,000 calls of 50 ms, unthrottled and against 100 calls a second.

Run: python benchmarks/pacing.py [--calls N] [--limit CALLS_PER_SECOND] [--burst N]
No network: the service is a function that sleeps, and a token bucket that refuses as AWS does.
"""

import argparse
import threading
import time

from podid.calls import pacing
from podid.domain.errors import Throttled

LATENCY_SECONDS = 0.05


class Service:
    """A token bucket of `burst` that is filled `limit` times a second; a refused call costs nothing but its latency."""

    def __init__(self, limit: float | None, burst: float) -> None:
        self._limit = limit
        self._burst = self._tokens = burst
        self._filled_at = time.monotonic()
        self._lock = threading.Lock()
        self.refused = 0

    def describe(self, item: int) -> int:
        time.sleep(LATENCY_SECONDS)
        if self._limit is not None and not self._take(self._limit):
            raise Throttled("ThrottlingException: Rate exceeded")
        return item

    def _take(self, limit: float) -> bool:
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * limit)
            self._filled_at = now
            if self._tokens < 1:
                self.refused += 1
                return False
            self._tokens -= 1
            return True


def run(calls: int, limit: float | None, burst: float) -> None:
    service = Service(limit, burst)
    began = time.monotonic()
    first = 0.0
    done = set()
    pacer = pacing.Pacer()
    for item, _ in pacing.fan_out(lambda item: pacer.call(lambda: service.describe(item)), range(calls)):
        first = first or time.monotonic() - began
        done.add(item)
    seconds = time.monotonic() - began
    assert len(done) == calls
    ideal = max(0.0, calls - burst) / limit if limit else calls * LATENCY_SECONDS / pacing.WORKERS
    name = f"{limit:g} calls/s, burst {burst:g}" if limit else "unthrottled"
    print(
        f"{name}: {calls} calls in {seconds:.1f} s, {seconds / ideal:.2f} times the ideal {ideal:.1f} s; "
        f"first result after {first:.2f} s; {service.refused} throttles"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--limit", type=float, default=100.0)
    parser.add_argument("--burst", type=float, default=100.0)
    options = parser.parse_args()
    run(options.calls, None, options.burst)
    run(options.calls, options.limit, options.burst)


if __name__ == "__main__":
    main()
