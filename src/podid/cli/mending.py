"""Carrying out a doctor's fixes: each is a command of podid's own, run as if it had been typed, and so planned, written
down and undone like any other."""

import shlex
from collections.abc import Sequence
from dataclasses import replace

from podid.cli.boundary import main
from podid.cli.hints import with_flags
from podid.cli.runtime import Runtime
from podid.cli.terminal import Terminal
from podid.domain.errors import Again, ConsentNeeded, Declined
from podid.domain.exit_codes import ExitCode
from podid.ops.doctor.fixes import Mend


def carry_out(planned: Sequence[Mend], runtime: Runtime, terminal: Terminal, *, yes: bool) -> None:
    """One by one, asking before each that asks; stops at the first that fails. What the commands say is on stderr:
    stdout is the report's. Raises ConsentNeeded, before anything is done, where nobody can be asked, and
    KeyboardInterrupt where one of them was interrupted."""
    if not yes and not runtime.interactive and any(item.asks for item in planned):
        raise ConsentNeeded(
            "podid doctor --fix needs a yes for some of the fixes, and there is no terminal to ask on",
            hint=Again(add=("--yes",)),
        )
    # a run of its own: its result is no document of this one
    streams = replace(runtime.streams, stdout=runtime.streams.stderr, stdout_tty=runtime.streams.stderr_tty)
    for item in planned:
        terminal.note(f"{item.verdict.check}, {item.verdict.subject}: {item.verdict.message}")
        for command in item.commands:
            terminal.note(f"  fix: {shlex.join(command)}")  # labelled: a command is not broken within a word
        if item.asks:
            try:
                terminal.consent("Do it?", needed_for="doctor --fix")
            except Declined:
                terminal.note("left as it is")
                continue
        for command in item.commands:
            argv = with_flags(command[1:], "--yes", "--output", "table")
            code = main(list(argv), replace(runtime, streams=streams, argv=argv))
            if code == ExitCode.INTERRUPTED:
                raise KeyboardInterrupt
            if code != ExitCode.OK:
                terminal.note(f"{shlex.join(command)} ended with exit code {code}; no other fix is tried")
                return
