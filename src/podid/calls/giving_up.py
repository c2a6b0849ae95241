"""What a service failed to answer for as long as it was worth trying: for a moment nobody asks for it again.

Without this each of thousands of calls of one operation would fail for that long.
"""

from collections import Counter
from collections.abc import Callable

from podid.domain.errors import Unavailable

SECONDS = 5.0


class GivenUp:
    """By operation. Safe to use from several threads: a count that gets lost tells no less that there were answers."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers = Counter[str]()
        self._failed: dict[str, tuple[float, Unavailable]] = {}

    def begin(self, operation: str) -> int:
        """How often it was answered so far. Raises Unavailable where it was given up a moment ago."""
        until, error = self._failed.get(operation, (0.0, None))
        if error is not None and self._clock() < until:
            raise Unavailable(f"not asked again: {error.what}", subject=error.subject, advice=error.advice) from error
        return self._answers[operation]

    def answered(self, operation: str) -> None:
        self._answers[operation] += 1
        self._failed.pop(operation, None)

    def add(self, operation: str, answers: int, error: Unavailable) -> None:
        """A call failed until its time was up. One that fails alone, while others are answered, says nothing of
        them: `answers` is what `begin` gave for it."""
        if self._answers[operation] == answers:
            self._failed[operation] = (self._clock() + SECONDS, error)
