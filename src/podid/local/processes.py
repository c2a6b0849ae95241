"""Processes of podid's own."""

import shlex
import sys
from pathlib import Path


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command line that runs a module of podid. `-P`: Python's `-m` alone imports from the current directory first,
    and whatever lies there would run with the user's credentials."""
    return (sys.executable, "-P", "-m", module, *arguments)


def podid_words() -> str:
    """How a shell starts this podid: by its name when that is what the shell would find, else by its path."""
    import shutil

    by_name, here = shutil.which("podid"), Path(sys.executable).parent / "podid"
    if by_name is not None and (not here.exists() or here.samefile(by_name)):
        return "podid"
    return shlex.quote(str(here)) if here.exists() else shlex.join(python("podid"))
