"""The command line that installs one of podid's extras beside this podid."""

import sys
from pathlib import Path

# a file that an installer leaves in the environment of a program -> its command
_INSTALLERS = {
    "pipx_metadata.json": ("pipx", "install", "--force"),
    "uv-receipt.toml": ("uv", "tool", "install"),
}


def install_command(extra: str) -> tuple[str, ...]:
    """Return the command of the installer that installed podid. A binary cannot be extended: pipx installs another
    podid."""
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
