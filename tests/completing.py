"""Completion as a shell's script asks for it."""

import sys
from collections.abc import Mapping
from pathlib import Path

from harness import Podid

BIN = Path(sys.executable).parent
# the script and the startup file of each shell
PLACES = {
    "bash": (".local/share/bash-completion/completions/podid", ".bashrc"),
    "zsh": (".local/share/podid/completion.zsh", ".zshrc"),
    "fish": (".config/fish/completions/podid.fish", ""),
}


def complete(shell: str, *words: str, env: Mapping[str, str] | None = None) -> list[str]:
    """Return the lines that podid prints for a shell's script, in process."""
    outcome = Podid(env={**(env or {"HOME": "/nowhere"}), "_PODID_COMPLETE": shell})("--", *words)
    assert (outcome.code, outcome.stderr) == (0, "")
    return outcome.stdout.splitlines()
