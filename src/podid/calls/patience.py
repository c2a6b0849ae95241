"""Time for operations: a clock, a limit and progress messages."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from podid.domain.errors import PodidError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clock:
    """`now` is the time of day in UTC, for records. Waits use `monotonic` and `sleep`, in seconds."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], object]


@dataclass(frozen=True, slots=True)
class Patience:
    """A limit of `seconds` for a wait, and `ends_at`, the deadline of the whole command by the clock's `monotonic`.
    `say` receives each change of state, as a sentence without a full stop. `count` receives the number of finished
    steps, their total and the last step."""

    seconds: float
    clock: Clock
    say: Callable[[str], None]
    ends_at: float = math.inf
    count: Callable[[int, int, str], None] = lambda number, total, step: None

    @property
    def over(self) -> bool:
        """Return whether the command's deadline has passed."""
        return self.clock.monotonic() >= self.ends_at

    def within(self, seconds: float) -> "Patience":
        return replace(self, seconds=seconds)

    def rounds(self, pause: float | Callable[[], float], *, longest: float = 0.0) -> Iterator[float]:
        """Yield the remaining seconds once for each round, with sleeps between the rounds.

        `pause` is the sleep after the first round; with `longest` it grows by half each time, up to that. If `pause` is
        a function, it returns the sleep after each round. The last round is at the deadline and yields 0: a loop that
        reaches its end has waited in vain.
        """
        deadline = min(self.clock.monotonic() + self.seconds, self.ends_at)
        length = 0.0
        while True:
            remaining = max(deadline - self.clock.monotonic(), 0.0)
            yield remaining
            if remaining <= 0:
                return
            if callable(pause):
                length = pause()
            else:
                length = min(length * 1.5, longest) if length and longest else pause
            # sleep a moment at least, so that a stopped clock causes no busy loop
            self.clock.sleep(max(min(length, deadline - self.clock.monotonic()), 0.01))

    def readings(self, read: Callable[[], T], pause: float, *, longest: float) -> Iterator[T]:
        """Yield the result of `read` in each round, except while the service cannot be reached. Raise that error if it
        lasts until the deadline."""
        failure: PodidError | None = None
        for _ in self.rounds(pause, longest=longest):
            try:
                answer = read()
            except PodidError as error:
                if not error.passing:
                    raise
                failure = error
                self.say(f"{error.message}; trying again")
                continue
            failure = None
            yield answer
        if failure is not None:
            raise failure
