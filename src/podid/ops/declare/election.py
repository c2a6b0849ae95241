"""Leader election by a Lease: of several processes, one acts, and the others are standbys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.cluster import Lease
from podid.domain.errors import AlreadyExists, Conflict, NotFound, PodidError

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader
    from podid.kube.writer import KubeWriter


@dataclass(slots=True, kw_only=True)
class Election:
    """The candidacy of one process, with the name `holder`, for a Lease of `seconds`. `monotonic` measures how long a
    Lease of another process did not change, and `now` is written to it."""

    reader: KubeReader
    writer: KubeWriter
    namespace: str
    name: str
    holder: str
    seconds: int
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    _held: Lease | None = None
    _seen: Lease | None = None
    _since: float = field(default=0.0)

    def leads(self) -> bool:
        """Return whether this process holds the Lease now; take or renew it if possible. Raise PodidError if the Lease
        could not be read or written."""
        lease = self.reader.find_lease(self.namespace, self.name)
        if lease is not None and lease.holder not in ("", self.holder) and not self._expired(lease):
            self._held = None
            return False
        try:
            self._held = self._write(self.holder, lease)
        except (AlreadyExists, Conflict, NotFound):
            self._held = None
            return False
        return True

    def release(self) -> None:
        """Release the Lease if this process holds it. After a failure the Lease expires later."""
        if self._held is None:
            return
        held, self._held = self._held, None
        try:
            self._write("", held)
        except PodidError:
            return

    def _write(self, holder: str, before: Lease | None) -> Lease:
        return self.writer.hold_lease(
            self.namespace, self.name, holder, seconds=self.seconds, at=self.now(), before=before
        )

    def _expired(self, lease: Lease) -> bool:
        if lease != self._seen:
            self._seen, self._since = lease, self.monotonic()
            return False
        return self.monotonic() - self._since >= lease.seconds
