"""Carry out the fixes of doctor: each is a podid command with its own plan, journal entry and undo."""

import io
import json
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from podid.cli.boundary import main
from podid.cli.hints import with_flags
from podid.cli.runtime import Runtime
from podid.cli.terminal import Terminal
from podid.domain.errors import Again, Conflict, ConsentNeeded, ExitCode
from podid.domain.findings import Verdict
from podid.domain.plan import Consent
from podid.ops.doctor.fixes import WORDS, AutoFix
from podid.render.multicluster import PlannedFix, fixes_view
from podid.render.view import View

# whether the finding still exists with this fix
Still = Callable[[Verdict, tuple[str, ...]], bool]


def carry_out(planned: Iterable[AutoFix], runtime: Runtime, terminal: Terminal, *, yes: bool, still: Still) -> None:
    """Carry out one fix after the other: plan, question, check whether the finding still exists, write. Stop at the
    first failure. The commands print to stderr: stdout is for the report. Raise ConsentNeeded before the first fix if
    there is no terminal, and KeyboardInterrupt if a fix was interrupted."""
    if not yes and not runtime.interactive:
        raise ConsentNeeded(
            "podid doctor --fix requires confirmation, but podid is not connected to a terminal",
            hint=Again(add=("--yes",)),
        )
    # its result is not part of this run's document
    streams = replace(runtime.streams, stdout=runtime.streams.stderr, stdout_tty=runtime.streams.stderr_tty)
    done = False
    for item in planned:
        terminal.note(f"{item.verdict.check}, {item.verdict.subject}: {item.verdict.message}")
        for command in item.commands:
            terminal.note(f"  fix ({WORDS[item.kind]}): {shlex.join(command)}")
            if done and not still(item.verdict, command):
                terminal.note("  no longer found: skipped")
                continue
            argv = with_flags(command[1:], *(("--yes",) if yes else ()), "--output", "table")
            guard = _Guard(item.verdict, command, still)
            code = main(list(argv), replace(runtime, streams=streams, argv=argv, guard=guard))
            if code == ExitCode.INTERRUPTED:
                raise KeyboardInterrupt
            if code == ExitCode.OK:
                done = True
            elif not guard.skipped:
                terminal.note(f"{shlex.join(command)} ended with exit code {code}; podid skips the other fixes")
                return


def show_plans(planned: Iterable[AutoFix], runtime: Runtime, terminal: Terminal, cluster: str) -> None:
    """Print the plan of each fix without changes. A fix without a plan prints its error, exit 8."""
    planned_fixes = [_planned(item, command, runtime) for item in planned for command in item.commands]
    terminal.emit(fixes_view(planned_fixes, cluster))
    terminal.leave(ExitCode.PARTIAL if any(fix.error for fix in planned_fixes) else ExitCode.OK)


def _planned(item: AutoFix, command: tuple[str, ...], runtime: Runtime) -> PlannedFix:
    views: list[View] = []
    output, nobody = io.StringIO(), io.StringIO()
    streams = replace(runtime.streams, stdin=nobody, stdin_tty=False, stdout=nobody, stdout_tty=False)
    streams = replace(streams, stderr=output, stderr_tty=False)
    # an earlier fix may repair what would make new pods fail now
    force = ("--force",) if command[1:2] == ("restart",) else ()
    argv = with_flags(command[1:], *force, "--dry-run", "--output", "json")
    code = main(list(argv), replace(runtime, streams=streams, argv=argv, views=views))
    if code == ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    error = {} if code == ExitCode.OK else json.loads(output.getvalue().splitlines()[-1])["error"]
    return PlannedFix(item, command, views[0] if views else None, error)


@dataclass(slots=True)
class _Guard:
    """Asks for confirmation between the plan of a fix and its first write. `skipped`: the fix was skipped, because the
    user declined or because the finding no longer exists."""

    verdict: Verdict
    command: tuple[str, ...]
    still: Still
    skipped: bool = False

    def __call__(self, terminal: Terminal) -> None:
        self.skipped = True
        terminal.consent(Consent(question="Apply this fix?", needed_for="doctor --fix"))
        if not self.still(self.verdict, self.command):
            message = f"{self.verdict.check}, {self.verdict.subject} is no longer found; nothing was changed"
            raise Conflict(message, subject=str(self.verdict.subject))
        self.skipped = False
