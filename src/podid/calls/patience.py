"""Time as operations see it: a clock, how long they may take, and whom to tell what is going on."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` is the time of day in UTC, for records; waits go by `monotonic` and `sleep`, both in seconds."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long something is waited for, and at most `until`, by the clock's `monotonic`, where the whole command has to
    be over. `say` is told each change of state, as a sentence without a full stop; `progress`, where it is there, how
    many of how many steps are done, and which was the last."""

    seconds: float
    clock: Clock
    say: Callable[[str], None]
    until: float = math.inf
    progress: Callable[[int, int, str], None] | None = None

    def count(self, number: int, total: int, step: str) -> None:
        if self.progress is not None:
            self.progress(number, total, step)
        else:
            self.say(f"{step} ({number} of {total})")

    @property
    def over(self) -> bool:
        """Whether the command's time is up."""
        return self.clock.monotonic() >= self.until

    def within(self, seconds: float) -> "Patience":
        """Return the same clock and listener with another limit."""
        return replace(self, seconds=seconds)

    def rounds(self, pause: float | Callable[[], float], *, longest: float = 0.0) -> Iterator[float]:
        """Yield the seconds that are left once for each round, with sleeps between.

        `pause` is the sleep after the first round; with `longest` it grows by half each time, up to that. A function
        gives the sleep anew after each round. The last round is at the deadline itself, and yields 0: a loop that ends
        without having left has waited in vain.
        """
        deadline = min(self.clock.monotonic() + self.seconds, self.until)
        length = 0.0
        while True:
            left = max(deadline - self.clock.monotonic(), 0.0)
            yield left
            if left <= 0:
                return
            if callable(pause):
                length = pause()
            else:
                length = min(length * 1.5, longest) if length and longest else pause
            # a moment at least: a clock that stands still in between must not make this spin
            self.clock.sleep(max(min(length, deadline - self.clock.monotonic()), 0.01))
