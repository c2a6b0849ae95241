"""The sandbox's time: the machine's clock, pushed forward by tests and `podid sandbox`, or one that stands still."""

import threading
import time
from datetime import UTC, datetime


class SandboxClock:
    """Seconds since the epoch, plus whatever was skipped."""

    def __init__(self) -> None:
        self._base: float | None = None
        self._skipped = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since the epoch."""
        return (time.time() if self._base is None else self._base) + self._skipped

    def datetime(self) -> datetime:
        """The same moment with the UTC zone."""
        return datetime.fromtimestamp(self.now(), UTC)

    def stand_still(self, moment: float) -> None:
        """From here on it is `moment`, and only `advance` moves it. For a sandbox that has no past to disagree with."""
        with self._lock:
            self._base, self._skipped = moment, 0.0

    def go_on(self) -> None:
        """The machine's clock again, with nothing skipped."""
        with self._lock:
            self._base, self._skipped = None, 0.0

    def advance(self, seconds: float) -> None:
        """Skips `seconds`; what is due in between becomes due at once. Time never runs backwards."""
        if seconds < 0:
            raise ValueError("the sandbox's clock only goes forward")
        with self._lock:
            self._skipped += seconds

    def turn_back(self, seconds: float) -> None:
        """For whoever has made everything that knows the time older by as much, see Hands.let_pass."""
        with self._lock:
            self._skipped -= seconds
