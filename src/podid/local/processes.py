"""Command lines of podid's own processes, and of the installer of its extras; the end of a process by SIGTERM; and a
program of the user in the foreground, whose streams, signals and exit code are those of podid."""

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Self

# a file that an installer leaves in the environment of a program -> its command
_INSTALLERS = {
    "pipx_metadata.json": ("pipx", "install", "--force"),
    "uv-receipt.toml": ("uv", "tool", "install"),
}


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """Return the command line that runs a module of podid. Without `-P`, Python's `-m` imports from the current
    directory first, and files there would run with the user's credentials."""
    return (sys.executable, "-P", "-m", module, *arguments)


def podid_words() -> str:
    """Return the shell command for this podid: its name if the shell finds it by name, otherwise its path."""
    import shutil

    by_name, installed = shutil.which("podid"), Path(sys.executable).parent / "podid"
    if by_name is not None and (not installed.exists() or installed.samefile(by_name)):
        return "podid"
    return shlex.quote(str(installed)) if installed.exists() else shlex.join(python("podid"))


def install_command(extra: str) -> tuple[str, ...]:
    """Return the command that installs an extra beside this podid, by the installer that installed podid. A binary
    cannot be extended: pipx installs another podid."""
    name = f"podid[{extra}]"
    if getattr(sys, "frozen", False):
        return ("pipx", "install", name)
    for receipt, words in _INSTALLERS.items():
        if (Path(sys.prefix) / receipt).is_file():
            return (*words, name)
    import shutil

    # the pip of another environment would not help
    own = Path(shutil.which("pip") or "").parent == Path(sys.executable).parent
    return (*(("pip",) if own else (sys.executable, "-m", "pip")), "install", name)


@contextmanager
def until_terminated() -> Iterator[None]:
    """End the block in order on SIGTERM, which interrupts it like Ctrl-C."""
    terminated = False

    def terminate(*_: object) -> None:
        nonlocal terminated
        terminated = True
        raise KeyboardInterrupt

    # Python sets handlers in the main thread only
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, terminate) if main else None
    try:
        yield
    except KeyboardInterrupt:
        if not terminated:
            raise
    finally:
        if main:
            signal.signal(signal.SIGTERM, before)


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
