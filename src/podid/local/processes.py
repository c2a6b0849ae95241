"""Command lines of podid's own processes, and of the installer of its extras; and the end of a process by SIGTERM."""

import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
