"""Run a program of the user in the foreground: its streams, signals and exit code are those of podid."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, Self

# the terminal sends these to the whole foreground process group, hence to the program too
_OF_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
_FORWARDED = (*_OF_TERMINAL, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def run(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Return the exit code of the program, 128 and the number of the signal that ended it. Raise OSError if it cannot
    be started."""
    with _Forwarding() as forwarding:
        process = subprocess.Popen(argv, env=env)  # noqa: S603  the user's own command
        forwarding.to(process)
        code = process.wait()
    return code if code >= 0 else 128 - code


class _Forwarding:
    """Passes signals to podid on to a process, also those that arrive before it is known."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._forward) for number in _FORWARDED}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def to(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        for number in self._early:
            self._forward(number, None)

    def _forward(self, number: int, _: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        elif number not in _OF_TERMINAL or not _in_foreground():
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


def _in_foreground() -> bool:
    """Return whether the terminal has sent its signals to the program as well."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
