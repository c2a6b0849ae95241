"""The rate of calls that a service accepts, learned from its throttles. It has no clock of its own.

Unlimited until the first throttle. Then the rate is that of the answers in the last second, less a margin. It increases
again: fast up to the last sustained rate, slowly beyond, and faster the longer no call is throttled. With less than a
second of data it increases fast without limit. Throttles of calls that were sent before the last cut are ignored,
because they do not concern the new rate.
"""

import math
from collections import deque

# calls a second
FLOOR = 1.0
CUT = 0.92
# share of the rate that is added each second: below and above the last sustained rate
RECOVER = 2.0
PROBE = 0.03
# a throttle reduces the rate by a third at most, except for the first one
DEEPEST_CUT = 0.7
# seconds for measuring the rate of answers
WINDOW = 1.0
# seconds that a slot is reserved in advance: after a longer wait the rate may have increased
HORIZON = 0.1


class Rate:
    """Not thread-safe; the times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self.per_second = math.inf
        self._held = math.inf
        self._next_slot = -math.inf
        self._cut_at = -math.inf
        self._climbed_at = -math.inf
        self._delivered: deque[float] = deque()

    def reserve(self, now: float) -> tuple[float, bool]:
        """Return the seconds to wait, and whether to send afterwards; otherwise reserve again."""
        self._climb(now)
        slot = max(now, self._next_slot)
        if slot - now > HORIZON:
            return HORIZON, False
        self._next_slot = slot + 1 / self.per_second
        return slot - now, True

    def delivered(self, now: float) -> None:
        """Record an answer, a result or an error."""
        self._delivered.append(now)
        self._forget(now)

    def throttled(self, now: float, sent_at: float) -> None:
        """Record that a call sent at `sent_at` was throttled."""
        if sent_at < self._cut_at:
            return
        self._forget(now)
        self._climb(now)
        delivered = len(self._delivered) / WINDOW
        bearable = delivered if math.isinf(self.per_second) else max(delivered, DEEPEST_CUT * self.per_second)
        self.per_second = max(FLOOR, CUT * min(self.per_second, bearable))
        full_window = bool(self._delivered) and now - self._delivered[0] >= 0.9 * WINDOW
        self._held = max(FLOOR, delivered) if full_window else math.inf
        self._cut_at = self._climbed_at = now
        self._next_slot = max(self._next_slot, now)

    def _climb(self, now: float) -> None:
        if math.isinf(self.per_second):
            return
        seconds = now - self._climbed_at
        self._climbed_at = now
        if self.per_second < self._held:
            self.per_second = min(self._held, self.per_second + seconds * max(1.0, RECOVER * self.per_second))
        else:
            quiet = now - self._cut_at
            self.per_second += seconds * max(1.0, PROBE * (1 + quiet * quiet) * self.per_second)

    def _forget(self, now: float) -> None:
        while self._delivered and self._delivered[0] <= now - WINDOW:
            self._delivered.popleft()
