"""The sandbox's time: the machine's clock, which tests and `podid sandbox` may push forward."""

import threading
import time
from datetime import UTC, datetime


class SandboxClock:
    """Seconds since the epoch, plus whatever was skipped."""

    def __init__(self) -> None:
        self._skipped = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._skipped

    def datetime(self) -> datetime:
        """The same moment with the UTC zone."""
        return datetime.fromtimestamp(self.now(), UTC)

    def advance(self, seconds: float) -> None:
        """Skips `seconds`; what is due in between becomes due at once. Time never runs backwards."""
        if seconds < 0:
            raise ValueError("the sandbox's clock only goes forward")
        with self._lock:
            self._skipped += seconds
