"""How many calls a second a service bears: learnt from its throttles, without a clock of its own.

Unlimited until the first throttle. Then the rate is what the service really delivered during the last second, less a
little, and it climbs back: quickly up to where it last held, slowly beyond. One throttle answers one rate only: calls
that were sent before the last cut say nothing about the new rate.
"""

import math
from collections import deque

FLOOR = 1.0
CUT = 0.92
RECOVER = 1.0
PROBE = 0.03
WINDOW = 1.0


class Rate:
    """Not thread-safe; the times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self.per_second = math.inf
        self._held = math.inf
        self._next_slot = -math.inf
        self._cut_at = -math.inf
        self._climbed_at = -math.inf
        self._delivered: deque[float] = deque()

    def reserve(self, now: float) -> float:
        """Seconds to wait before sending; the slot is taken."""
        self._climb(now)
        slot = max(now, self._next_slot)
        self._next_slot = slot + 1 / self.per_second
        return slot - now

    def delivered(self, now: float) -> None:
        """A call was answered, with a result or with an error of its own."""
        self._delivered.append(now)
        self._forget(now)

    def throttled(self, now: float, sent_at: float) -> None:
        """A call that was sent at `sent_at` was refused for its rate."""
        if sent_at < self._cut_at:
            return
        self._forget(now)
        self._climb(now)
        self._held = max(FLOOR, min(self.per_second, len(self._delivered) / WINDOW))
        self.per_second = max(FLOOR, self._held * CUT)
        self._cut_at = self._climbed_at = now
        self._next_slot = max(self._next_slot, now) if math.isfinite(self._next_slot) else now

    def _climb(self, now: float) -> None:
        if math.isinf(self.per_second):
            return
        seconds = now - self._climbed_at
        factor = RECOVER if self.per_second < self._held else PROBE
        self.per_second += seconds * max(1.0, factor * self.per_second)
        self._climbed_at = now

    def _forget(self, now: float) -> None:
        while self._delivered and self._delivered[0] <= now - WINDOW:
            self._delivered.popleft()
