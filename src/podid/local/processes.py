"""Command lines of podid's own processes."""

import shlex
import sys
from pathlib import Path


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
