"""Changes that services have answered, for readings that do not show them yet.

EKS and IAM are eventually consistent: a list or a description may lack a change that was answered seconds ago. Each
operation that reads may lag by itself. Until an operation has shown the change once, or something else than the state
before it, the answer to the change counts. So a change by someone else is never hidden for long.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any, TypeVar, cast

Key = tuple[str, ...]
T = TypeVar("T")
# longer than readings lag, and short enough not to hide for long that someone else has put back the earlier state
KNOWN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class KnownChange:
    """A change that was answered, `age` seconds ago. `before` and `after` are states that `==` compares, None for a
    resource that does not exist. `value` is the resource."""

    key: Key
    before: object
    after: object
    value: object = None
    age: float = 0.0


@dataclass(slots=True)
class _Known:
    """The states before the change, oldest first, the state after it, and the operations that have shown it."""

    befores: list[object]
    after: object
    until: float
    shown: set[str] = field(default_factory=set)


class KnownChanges:
    """Thread-safe. `earlier` returns the changes of earlier runs; it is called at the first use."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, earlier: Callable[[], Iterable[KnownChange]] = tuple
    ) -> None:
        self._clock = clock
        self._earlier: Callable[[], Iterable[KnownChange]] | None = earlier
        self._lock = RLock()
        self._known: dict[Key, _Known] = {}
        self._read: dict[Key, Any] = {}
        # the resources that were created or deleted, by what they are parts of: thousands of lists look for them
        self._parts: dict[Key, dict[Key, None]] = defaultdict(dict)

    def keep(self, key: Key, before: object, after: object, value: object = None) -> None:
        """Remember a change that the service has answered."""
        with self._lock:
            self._keep_whole(KnownChange(key, before, after, value))

    def _keep_whole(self, change: KnownChange) -> None:
        self._keep(change)
        if change.key in self._known:
            self._parts[change.key[:-1]][change.key] = None

    def _keep(self, change: KnownChange) -> None:
        self._recall()
        if change.before == change.after:
            return
        old, befores = self._known.get(change.key), [change.before]
        if old is not None and change.before == old.after:
            # a state that was left and restored stays in doubt: a reading of it may be one of before
            befores = [*old.befores, old.after]
        until = self._clock() - change.age + KNOWN_SECONDS
        self._known[change.key] = _Known(befores, change.after, until)
        if change.value is not None:
            self._read[change.key] = change.value

    def _recall(self) -> None:
        earlier, self._earlier = self._earlier, None
        for change in earlier() if earlier is not None else ():
            self._keep_whole(change)

    def forget(self, key: Key) -> None:
        """Forget the changes of this resource and of its parts."""
        with self._lock:
            self._recall()
            self._known = {other: known for other, known in self._known.items() if other[: len(key)] != key}
            self._read.pop(key, None)
            self._parts.pop(key, None)
            self._parts[key[:-1]].pop(key, None)

    def current(self, operation: str, key: Key, read: T) -> T:
        """Return `read`, or the state that was written if `read` is a state before it."""
        with self._lock:
            self._recall()
            known = self._known.get(key)
            if known is None or operation in known.shown:
                return read
            if self._clock() > known.until:
                del self._known[key]
                return read
            if read in known.befores:
                return cast("T", known.after)
            known.shown.add(operation)
            return read

    def late(self, operation: str, key: Key) -> bool:
        """Return whether the operation has not shown the last change of this resource or member yet."""
        with self._lock:
            known = self._known.get(key)
            return known is not None and operation not in known.shown and self._clock() <= known.until

    def late_keys(self, operation: str, key: Key) -> list[Key]:
        """Return the keys under `key` for which `late` is true."""
        with self._lock:
            self._recall()
            return [other for other in self._known if other[: len(key)] == key and self.late(operation, other)]

    def parts(self, key: Key) -> list[tuple[Key, Any]]:
        """Return the resources under `key` that were created or deleted: the key of each, and the resource as it was
        last written or read."""
        with self._lock:
            self._recall()
            return [(other, self._read.get(other)) for other in self._parts.get(key, ())]

    def changed_parts(self, key: Key) -> list[tuple[Key, Any]]:
        """Return the same, and the resources with changed members."""
        with self._lock:
            self._recall()
            keys = dict.fromkeys(other[: len(key) + 1] for other in self._known if other[: len(key)] == key)
            return [(other, self._read.get(other)) for other in keys]

    def members(self, operation: str, key: Key, read: T, names: Iterable[str]) -> T:
        """Return the resource with the members that were written and that it does not show yet."""
        if self._known or self._earlier is not None:
            current = {name: self.current(operation, (*key, name), getattr(read, name)) for name in names}
            changed = {name: value for name, value in current.items() if value != getattr(read, name)}
            read = replace(cast("Any", read), **changed) if changed else read
        return read

    def keep_members(self, key: Key, **after: object) -> None:
        """Remember a change of members of a resource that was read before."""
        with self._lock:
            read = self._read.get(key)
            if read is None:
                return
            for name, value in after.items():
                self._keep(KnownChange((*key, name), getattr(read, name), value))
            self._read[key] = replace(read, **after)

    def note(self, key: Key, read: object) -> None:
        """Remember a resource as it was last read or written."""
        with self._lock:
            self._read[key] = read

    def read(self, key: Key) -> Any:
        """Return the resource as it was last read or written, None if it was not."""
        with self._lock:
            return self._read.get(key)
