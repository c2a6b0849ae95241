"""podid as a plugin of kubectl, which runs an executable `kubectl-podid` for `kubectl podid`: command lines in podid's
output begin as the user typed them."""

import re
from pathlib import Path
from typing import IO, Any

from podid.cli.tree import COMMANDS

_PREFIX = "kubectl-"
# further words that follow the program in help and hints
_WORDS = ("help", "COMMAND", "--help", "--version", "options", "-h")


def program_of(path: str) -> str:
    """Return `kubectl podid` for the executable of a plugin, else "". A hyphen in its name separates subcommands, an
    underscore stands for a hyphen."""
    name = Path(path).name.removesuffix(".exe")
    return name.replace("-", " ").replace("_", "-") if name.startswith(_PREFIX) else ""


class RenamingStream:
    """A stream that writes podid's command lines, and argument vectors in JSON and YAML, with the name of the
    plugin."""

    def __init__(self, stream: IO[str], program: str) -> None:
        self._stream = stream
        self._program = program
        words = sorted({*(row.path[0] for row in COMMANDS), *_WORDS}, key=len, reverse=True)
        following = "|".join(map(re.escape, words))
        self._line = re.compile(rf"(?<![\w/.@'-])podid(?= (?:{following})(?![\w-]))")
        self._vectors = [
            (re.compile(rf'"podid",(\s*)(?="(?:{following})")'), "".join(f'"{word}",\\1' for word in program.split())),
            (re.compile(rf"- podid(\n *)(?=- (?:{following})\n)"), "".join(f"- {word}\\1" for word in program.split())),
        ]

    def write(self, text: str) -> int:
        if "podid" in text:
            text = self._line.sub(self._program, text)
            for vector, renamed in self._vectors:
                text = vector.sub(renamed, text)
        return self._stream.write(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
