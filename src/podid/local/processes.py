"""Processes of podid's own."""

import sys


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """The command line that runs a module of podid. `-P`: Python's `-m` alone imports from the current directory first,
    and whatever lies there would run with the user's credentials."""
    return (sys.executable, "-P", "-m", module, *arguments)
