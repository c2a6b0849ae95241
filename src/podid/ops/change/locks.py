"""Turns that processes of this machine take: IAM has no compare-and-swap, and between a read and a write there is room
for another writer."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from podid.calls.patience import Patience
from podid.domain.errors import TimedOut
from podid.local.files import make_private, open_own

WAIT_SECONDS = 60.0


class Locks:
    """One file a lock, empty, in a directory of the caller's own; a process that dies gives its locks back. Without a
    directory, or where it cannot be written, everybody goes ahead: who writes looks again afterwards all the same."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory

    @contextmanager
    def held(self, name: str, subject: str, patience: Patience) -> Iterator[None]:
        """Alone among the processes of this machine for as long as the block lasts. `name` is a file's, `subject` the
        thing in a sentence. Raises TimedOut where another process does not let go of it."""
        descriptor = self._open(name)
        if descriptor is None:
            yield
            return
        try:
            wait_for(descriptor, subject, patience)
            yield
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int | None:
        if self._directory is None:
            return None
        with suppress(OSError):
            make_private(self._directory)
            return open_own(self._directory / f"{name}.lock", os.O_RDWR | os.O_CREAT)
        return None


def wait_for(descriptor: int, subject: str, patience: Patience) -> None:
    """Waits for the lock of an open file, which goes with its descriptor. Raises as `Locks.held`."""
    for _ in patience.within(min(WAIT_SECONDS, patience.seconds)).rounds(0.05, longest=0.5):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            patience.say(f"another podid on this machine is changing {subject}; waiting for it")
        except OSError:
            return  # a file system without locks: everybody goes ahead
        else:
            return
    raise TimedOut(f"Another podid on this machine is changing {subject} and does not finish", subject=subject)
