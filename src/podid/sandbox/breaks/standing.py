"""What is broken in a running sandbox at the moment, and by whose hands."""

from __future__ import annotations

import threading
from collections.abc import Callable

from podid.sandbox.breaks.hands import Hands, Reach
from podid.sandbox.breaks.table import BREAKS


class Standing:
    """The failure modes that were put in place, in that order. Thread-safe."""

    def __init__(self, reach: Callable[[], Reach]) -> None:
        self._reach = reach
        self._lock = threading.Lock()
        self._broken: dict[str, tuple[Hands, str]] = {}

    def listed(self) -> dict[str, str]:
        """Id -> whom it is about."""
        with self._lock:
            return {mode: subject for mode, (_, subject) in self._broken.items()}

    def put(self, mode: str) -> str:
        """Whom it is about. ValueError for one that stands already, or that this sandbox cannot be given as it is, with
        everything as it was before; KeyError for an id that is not in the table."""
        with self._lock:
            if mode in self._broken:
                raise ValueError(f"{mode} is in place already")
            hands = Hands(self._reach(), mode)
            try:
                subject = BREAKS[mode](hands)
            except BaseException as error:
                hands.undo()
                if isinstance(error, AssertionError | LookupError | ValueError):
                    raise ValueError(f"{mode} does not fit what is in this sandbox now: {error}") from error
                raise
            self._broken[mode] = hands, subject
            return subject

    def heal(self, mode: str = "") -> dict[str, str]:
        """Takes one away, or all of them, the last first; what was taken away."""
        with self._lock:
            wanted = [each for each in reversed(self._broken) if mode in ("", each)]
            return {each: self._heal(each) for each in wanted}

    def _heal(self, mode: str) -> str:
        hands, subject = self._broken.pop(mode)
        hands.undo()
        return subject

    def forget(self) -> None:
        """The sandbox begins anew: there is nothing to take away."""
        with self._lock:
            self._broken.clear()
