"""The object store (etcd and the watch cache of a real API server), and the timeline of the controllers.

Due events happen at their own time, when the cluster is next read.
"""

import heapq
import itertools
import random
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from podid.sandbox.contract import Before
from podid.sandbox.kube import kinds
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.objects import ALPHABET, Obj, rfc3339, uid, with_times

Now = Callable[[], float]

Key = tuple[str, str]
"""Namespace (empty at cluster scope) and name."""
HISTORY = 5000


class ManualClock:
    """A clock that a test advances. Seconds since the epoch."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.seconds = start

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass(frozen=True, slots=True)
class Timing:
    """The delays of the cluster, in seconds."""

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
    """Planned events. Not thread-safe: the sandbox's lock guards it."""

    def __init__(self, clock: Now = time.time) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._now = clock()
        self._stepping = False

    def now(self) -> float:
        """Return the time of the current step."""
        return self._now

    def rewind(self, seconds: float) -> None:
        """Turn the time back, so that the next objects are as old as in a cluster that has run for some time. Only
        while no step is planned."""
        assert not self._due, "what is planned would happen twice"
        self._now -= seconds

    def grow_older(self, seconds: float) -> None:
        """Move past events back and planned steps forward by this time."""
        self._now -= seconds
        self._due = [(due - seconds, order, step) for due, order, step in self._due]

    def after(self, seconds: float, step: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self._now + seconds, next(self._order), step))

    def next_due(self) -> float | None:
        """Return the seconds until the next step, at least 0; None without a planned step."""
        return max(0.0, self._due[0][0] - self._clock()) if self._due else None

    def catch_up(self) -> None:
        """Run all due steps, each at its own time, including steps that other steps plan. Has no effect during a
        step."""
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


@dataclass(frozen=True, slots=True)
class StoredChange:
    """One write in a watch. `before` is the previous object."""

    version: int
    kind: KubeKind
    action: Literal["ADDED", "MODIFIED", "DELETED"]
    obj: Obj
    before: Obj | None


class Store:
    """Objects by kind and key. Callers hold `lock` and must not change returned objects."""

    def __init__(self, timeline: Timeline, *, seed: int = 0, first_version: int = 1) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.timeline = timeline
        self.version = first_version
        self.history: deque[StoredChange] = deque(maxlen=HISTORY)
        self.dirty: Callable[[KubeKind], None] = lambda _kind: None
        self.uids: dict[str, tuple[KubeKind, Key]] = {}
        self._objects: dict[KubeKind, dict[str, dict[str, Obj]]] = {kind: {} for kind in kinds.ALL}
        # results of `all`, until an object of the kind changes: the controllers list again and again
        self._lists: dict[KubeKind, dict[str, list[Obj]]] = {kind: {} for kind in kinds.ALL}
        # names and uids must be unique, and the same in every run of a test
        self._random = random.Random(seed)  # noqa: S311

    def now(self) -> float:
        return self.timeline.now()

    def find(self, kind: KubeKind, namespace: str, name: str) -> Obj | None:
        return self._objects[kind].get(namespace, {}).get(name)

    def all(self, kind: KubeKind, namespace: str = "") -> list[Obj]:
        """Return every object of the kind, in one namespace or in all, ordered by etcd key."""
        objects = self._lists[kind].get(namespace)
        if objects is None:
            by_namespace = self._objects[kind]
            namespaces = [namespace] if namespace else sorted(by_namespace, key=lambda name: f"{name}/")
            objects = self._lists[kind][namespace] = [
                obj
                for name in namespaces
                for _, obj in sorted(by_namespace.get(name, {}).items(), key=lambda item: item[0])
            ]
        return list(objects)

    def new_uid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def suffix(self, length: int = 5) -> str:
        """Return a suffix for generateName."""
        return "".join(self._random.choice(ALPHABET) for _ in range(length))

    def number(self, below: int) -> int:
        return self._random.randrange(below)

    def stamp(self, kind: KubeKind, obj: Obj) -> Obj:
        """Return the object with the fields that the API server sets at creation: uid, creationTimestamp,
        generation."""
        metadata = {key: value for key, value in obj["metadata"].items() if key not in ("resourceVersion", "selfLink")}
        metadata["uid"] = self.new_uid()
        if kind.generation:
            metadata["generation"] = 1
        metadata["creationTimestamp"] = rfc3339(self.now())
        return {"kind": kind.name, "apiVersion": kind.api_version, **_body(obj), "metadata": metadata}

    def add(self, kind: KubeKind, obj: Obj) -> Obj:
        """Store a stamped object."""
        return self._write(kind, obj, "ADDED", None)

    def replace(self, kind: KubeKind, obj: Obj) -> Obj:
        """Store a changed copy. Equal content keeps its resourceVersion, as in a real API server."""
        before = self._existing(kind, obj)
        if before == obj:
            return before
        return self._write(kind, obj, "MODIFIED", before)

    def remove(self, kind: KubeKind, obj: Obj) -> Obj:
        before = self._existing(kind, obj)
        return self._write(kind, obj, "DELETED", before)

    def grow_older(self, seconds: float, before: Before) -> None:
        """Move every time in the objects back by `seconds`; objects in `before` keep their earlier times. This is not a
        write: resourceVersion stays."""
        self.timeline.grow_older(seconds)
        for lists in self._lists.values():
            lists.clear()
        for by_namespace in self._objects.values():
            for objects in by_namespace.values():
                for name, obj in objects.items():
                    objects[name] = with_times(obj, partial(before.older, seconds=seconds, of=uid(obj)))

    def _existing(self, kind: KubeKind, obj: Obj) -> Obj:
        namespace, name = kind.key(obj)
        return self._objects[kind][namespace][name]

    def _write(
        self, kind: KubeKind, obj: Obj, action: Literal["ADDED", "MODIFIED", "DELETED"], before: Obj | None
    ) -> Obj:
        self.version += 1
        stored = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
        namespace, name = kind.key(obj)
        self._lists[kind].clear()
        if action == "DELETED":
            del self._objects[kind][namespace][name]
            self.uids.pop(uid(obj), None)
        else:
            self._objects[kind].setdefault(namespace, {})[name] = stored
            self.uids[uid(obj)] = (kind, (namespace, name))
        self.history.append(StoredChange(self.version, kind, action, stored, before))
        self.dirty(kind)
        self.lock.notify_all()
        return stored


def _body(obj: Obj) -> Obj:
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion", "metadata")}
