"""What several checks work out of a snapshot is worked out once."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from podid.domain.snapshot import Snapshot

T = TypeVar("T")


def once(work: Callable[[Snapshot], T]) -> Callable[[Snapshot], T]:
    """The same function, which keeps its answer for as long as the snapshot lives and not longer: of a large cluster
    both are large."""
    kept: WeakKeyDictionary[Snapshot, T] = WeakKeyDictionary()

    @wraps(work)
    def kept_or_worked_out(snapshot: Snapshot) -> T:
        if snapshot not in kept:
            kept[snapshot] = work(snapshot)
        return kept[snapshot]

    return kept_or_worked_out
