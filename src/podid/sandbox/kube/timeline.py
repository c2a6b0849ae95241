"""Time for the controllers: what is due happens, at its own time, when somebody looks."""

import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

Now = Callable[[], float]


class ManualClock:
    """A clock that a test moves. Seconds since the epoch."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.seconds = start

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the cluster takes over things, in seconds."""

    controller: float = 0.05
    """From a change to the controllers having acted on it."""
    pod_start: float = 0.3
    """From scheduled to Ready."""
    pod_stop: float = 0.3
    """From the deletion of a pod to its being gone."""
    agent_start: float = 0.5
    """The same as pod_start for pods of the agent."""
    job: float = 0.5
    """How long the containers of a Job's pod run."""
    webhook_spread: float = 0.5
    """How much later the slowest replica of the webhook learns of an association than the first."""


class Timeline:
    """Things that will happen. Not thread-safe: the sandbox's lock guards it."""

    def __init__(self, clock: Now = time.time) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._now = clock()
        self._stepping = False

    def now(self) -> float:
        """The time at which the current step happens."""
        return self._now

    def rewind(self, seconds: float) -> None:
        """Steps back, so that what is made next is as old as it would be in a cluster that has run for a while. Only
        before anything is planned."""
        assert not self._due, "what is planned would happen twice"
        self._now -= seconds

    def grow_older(self, seconds: float) -> None:
        """What has happened lies so much further back, and what is planned comes so much earlier."""
        self._now -= seconds
        self._due = [(due - seconds, order, step) for due, order, step in self._due]

    def after(self, seconds: float, step: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self._now + seconds, next(self._order), step))

    def next_due(self) -> float | None:
        """Seconds from the clock's now to the next step, at least 0; None when nothing is planned."""
        return max(0.0, self._due[0][0] - self._clock()) if self._due else None

    def catch_up(self) -> None:
        """Do all that is due, each step at its own time, steps that follow from steps included. Nothing for a step
        itself that comes to look: it lives in its own moment."""
        if self._stepping:
            return
        target, self._stepping = self._clock(), True
        try:
            while self._due and self._due[0][0] <= target:
                due, _, step = heapq.heappop(self._due)
                self._now = max(self._now, due)
                step()
        finally:
            self._stepping = False
        self._now = max(self._now, target)
