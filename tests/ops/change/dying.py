"""Makes a podid process die by SIGKILL at a chosen moment, and starts such processes cheaply.

As a script this is a little server: it has podid's modules loaded, and for every line of JSON on stdin it forks a
process that is podid from there on. Each run has its own locks and files, and does without a second of imports.
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

# where in a journal line the process dies: with half of it on disk, or all of it
CUTS = ("half", "whole")


def die_at_line(number: int, cut: str) -> None:
    """The process dies while it writes the journal's line `number`, counted from 0."""
    from podid.ops.change.records import Recorder

    write = Recorder.write
    seen = iter(range(1_000_000))

    def writing(self: Recorder, record: dict[str, Any]) -> None:
        if next(seen) != number:
            write(self, record)
            return
        if cut == "whole":
            write(self, record)
        elif cut == "half":
            line = json.dumps(record)
            with self._lock:  # as a write holds it: no other thread's line comes behind half of one
                os.write(self.descriptor, line[: len(line) // 2].encode())
                os.kill(os.getpid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    Recorder.write = writing  # type: ignore[method-assign]  # this process is about to die


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended: an exit code, or -9 when it was killed."""

    code: int
    stdout: str
    stderr: str


class Launcher:
    """Starts podid processes. `pid` of the one that runs is known to others at once, for whoever wants to kill it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def start(self, argv: Sequence[str], env: Mapping[str, str], *, die: tuple[int, str] | None = None) -> int:
        """The new process's id."""
        assert self._server.stdin is not None
        order = {"argv": list(argv), "env": dict(env), "die": die, "out": str(self._directory)}
        self._server.stdin.write(json.dumps(order) + "\n")
        return int(self._line())

    def wait(self) -> Ended:
        """The end of the process that was started last."""
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
    import once

    patch = pytest.MonkeyPatch()  # for good: this process does nothing else
    once.all_of_it(patch)
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
        # unbuffered, so that a killed process leaves what it said
        descriptor = os.open(Path(order["out"]) / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        setattr(sys, name, io.TextIOWrapper(io.FileIO(descriptor, "wb"), write_through=True))
    sys.stdin = io.StringIO()
    if order["die"] is not None:
        die_at_line(*order["die"])
    os._exit(main(order["argv"]))


if __name__ == "__main__":
    serve()
