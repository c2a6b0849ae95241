"""CPU of whole processes at the start, each beside what it is held against, in one run.

Run: python benchmarks/start.py. The aims: `podid --help` off a terminal at most 1.2 times `import typer`, also with 60
commands in the tree; `podid --version`, which never sees the tree, at most 1.6 times an empty Python. Most of the
latter is the `re` that the console scripts of pip before 26 import.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PODID = Path(sys.executable).parent / "podid"
ROUNDS = 21
# the commands there are, and empty ones up to 60; help needs only the row of a command that is not named
SIXTY = """
import sys
from podid.cli import tree
names = [f"group{n % 6} empty{n}" if n % 2 else f"empty{n}" for n in range(60 - len(tree.COMMANDS))]
more = tuple(tree.Row(name, tree.OFFLINE, f"Do nothing, {name}.", "none:none") for name in names)
tree.GROUPS.update({f"group{n}": "Empty." for n in range(6)})
tree.COMMANDS += more
sys.argv[0] = "podid"
from podid.entry import main
sys.exit(main())
"""
PYTHON: tuple[str, ...] = (sys.executable, "-c")


@dataclass(frozen=True, slots=True)
class Pair:
    """A command line, what it is held against, and how many times as much CPU it may take."""

    name: str
    argv: tuple[str, ...]
    against: tuple[str, ...]
    limit: float

    def ratio(self, rounds: int = ROUNDS) -> tuple[float, float, float]:
        """Milliseconds of each, median of so many, and the ratio of the two. They take turns, so that a busy machine
        slows both."""
        times: tuple[list[float], list[float]] = ([], [])
        cpu(self.argv), cpu(self.against)  # byte code is written, files are in memory
        for _ in range(rounds):
            times[0].append(cpu(self.argv))
            times[1].append(cpu(self.against))
        mine, theirs = (statistics.median(each) for each in times)
        return mine, theirs, mine / theirs


def cpu(argv: Sequence[str]) -> float:
    """Milliseconds of user and system time of a process with its output off a terminal. Raises RuntimeError when it
    fails."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode != 0:
        raise RuntimeError(f"{argv} ended with {process.returncode}: {said.decode()}")
    return (used.ru_utime + used.ru_stime) * 1000


PAIRS = (
    Pair("podid --version", (str(PODID), "--version"), (*PYTHON, "pass"), 1.6),
    Pair("podid --help", (str(PODID), "--help"), (*PYTHON, "import typer"), 1.2),
    Pair("podid --help, 60 commands", (*PYTHON, SIXTY, "--help"), (*PYTHON, "import typer"), 1.2),
)


def main() -> None:
    for pair in PAIRS:
        mine, theirs, ratio = pair.ratio()
        print(f"{pair.name}: {mine:.0f} ms of CPU, {ratio:.2f} times {theirs:.0f} ms (limit {pair.limit})")
    for arguments in (("associate", "--help"), ("explain", "agent-not-installed")):
        times = [cpu((str(PODID), *arguments)) for _ in range(ROUNDS)]
        print(f"podid {' '.join(arguments)}: {statistics.median(times):.0f} ms of CPU")


if __name__ == "__main__":
    main()
