"""Kills a podid process by SIGKILL at a chosen moment, and starts such processes cheaply.

As a script, this is a small server with podid's modules loaded: for every line of JSON on stdin it forks a process that
runs podid. Each run has its own locks and files, and needs no time for imports.
"""

import gc
import importlib
import io
import json
import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import podid
from podid.aws.session import AwsSession

# the position in a journal line at which the process dies: half of it is on disk, or all of it
CUTS = ("half", "whole")


def die_at_line(number: int, cut: str) -> None:
    """Kill the process while it writes the journal's line `number`, counted from 0."""
    from podid.ops.change.records import Recorder

    write = Recorder.write
    numbers = iter(range(1_000_000))

    def writing(self: Recorder, record: dict[str, Any]) -> None:
        if next(numbers) != number:
            write(self, record)
            return
        if cut == "whole":
            write(self, record)
        elif cut == "half":
            line = json.dumps(record)
            with self._lock:  # a write holds the lock too: no other thread's line follows half of one
                os.write(self.descriptor, line[: len(line) // 2].encode())
                os.kill(os.getpid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    Recorder.write = writing  # type: ignore[method-assign]  # this process is about to die


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a run: an exit code, or -9 if it was killed."""

    code: int
    stdout: str
    stderr: str


class Launcher:
    """Starts podid processes. `pid` of the running one is set at once, so that another process can kill it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def start(self, argv: Sequence[str], env: Mapping[str, str], *, die: tuple[int, str] | None = None) -> int:
        """Start a process and return its id."""
        assert self._server.stdin is not None
        order = {"argv": list(argv), "env": dict(env), "die": die, "out": str(self._directory)}
        self._server.stdin.write(json.dumps(order) + "\n")
        return int(self._line())

    def wait(self) -> Ended:
        """Wait for the process that was started last, and return its end."""
        code = int(self._line())
        return Ended(code, (self._directory / "stdout").read_text(), (self._directory / "stderr").read_text())

    def stop(self) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait(10)
        self._server.stdout.close()

    def _line(self) -> str:
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        assert line, "the launcher has ended"
        return line


def serve() -> None:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    import shared_caches

    patch = pytest.MonkeyPatch()  # permanently: this process has no other task
    shared_caches.install(patch)
    for module in pkgutil.walk_packages(podid.__path__, "podid."):
        if not module.name.startswith(("podid.sandbox", "podid.__main__")):
            importlib.import_module(module.name)
    importlib.import_module("kubernetes.config")
    session = AwsSession(None, "us-west-2", env={})
    for client in (session.eks, session.iam, session.sts):
        assert client is not None
    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            become(order)
        tell(child)
        _, status = os.waitpid(child, 0)
        tell(os.waitstatus_to_exitcode(status))


def tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def become(order: dict[str, Any]) -> None:
    from podid.cli.boundary import main

    os.environ.clear()
    os.environ.update(order["env"])
    for name in ("stdout", "stderr"):
        # unbuffered, so that the output of a killed process is not lost
        descriptor = os.open(Path(order["out"]) / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        setattr(sys, name, io.TextIOWrapper(io.FileIO(descriptor, "wb"), write_through=True))
    sys.stdin = io.StringIO()
    if order["die"] is not None:
        die_at_line(*order["die"])
    os._exit(main(order["argv"]))


if __name__ == "__main__":
    serve()
