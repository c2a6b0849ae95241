"""Reuse the threads of podid's calls: starting one for each call took a tenth of a command's time in the tests."""

import threading
from collections.abc import Callable
from contextvars import Context
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from podid.calls import deadline, pacing

_idle: list["_Worker"] = []


class _Worker:
    """A daemon that runs one function after another, each in an empty context, as a new thread does."""

    def __init__(self) -> None:
        self.work: SimpleQueue[tuple[str, Callable[[], None], threading.Lock]] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="idle", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            self._thread.name, target, running = self.work.get()
            try:
                Context().run(target)
            finally:
                self._thread.name = "idle"
                del target
                _idle.append(self)
                running.release()


class ReusedThread:
    """Runs `target` in an idle thread. It has the methods of `threading.Thread` that podid uses."""

    def __init__(self, *, target: Callable[..., None], name: str, daemon: bool, args: tuple[Any, ...] = ()) -> None:
        assert daemon, "a worker never ends"
        self._target, self._name = lambda: target(*args), name
        self._running = threading.Lock()

    def start(self) -> None:
        self._running.acquire()
        try:
            worker = _idle.pop()
        except IndexError:
            worker = _Worker()
        worker.work.put((self._name, self._target, self._running))

    def join(self, timeout: float) -> None:
        if self._running.acquire(timeout=timeout):
            self._running.release()


def install(patch: pytest.MonkeyPatch) -> None:
    """Install this until the patch ends."""
    reusing = SimpleNamespace(**{**vars(threading), "Thread": ReusedThread})
    for module in (deadline, pacing):
        patch.setattr(module, "threading", reusing)
