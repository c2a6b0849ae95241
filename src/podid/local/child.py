"""Run a program of the user in the foreground: its streams, signals and exit code are those of podid."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

# the terminal sends these to the whole foreground process group, hence to the program too
_OF_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
_FORWARDED = (*_OF_TERMINAL, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def run(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Return the exit code of the program, 128 and the number of the signal that ended it. Raise OSError if it cannot
    be started."""
    process = subprocess.Popen(argv, env=env)  # noqa: S603  the user's own command
    with _forwarding(process):
        code = process.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _forwarding(process: subprocess.Popen[bytes]) -> Iterator[None]:
    def forward(number: int, _: FrameType | None) -> None:
        if number not in _OF_TERMINAL or not _in_foreground():
            with suppress(ProcessLookupError):
                process.send_signal(number)

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
