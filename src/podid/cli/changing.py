"""What every changing command does the same way: settle, show the plan, ask, carry out, say what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from podid.cli.effects import Seen
from podid.domain.errors import PodidError, Unavailable
from podid.domain.exit_codes import ExitCode
from podid.domain.plan import ChangeResult, Done, Plan, Status
from podid.ops.change.apply import Applied, apply, settle
from podid.render.changes import plan_text, plan_view, result_view

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.cli.terminal import Terminal
    from podid.domain.place import Place
    from podid.domain.plan import Action
    from podid.ops.change.journal import Run
    from podid.ops.change.resources import Resources


def settle_interrupted(access: Access, terminal: Terminal, resources: Resources, place: Place) -> None:
    """Finds out what became of changes that were cut short, and says so. A dry run touches nothing, the journal
    included."""
    if access.options.dry_run:
        return

    def unsettled(earlier: Run, action: Action, error: PodidError) -> None:
        terminal.note(
            f"run {earlier.run_id} was interrupted; what became of {action.kind} {action.target} "
            f"cannot be looked at now: {error.what}"
        )

    for earlier, done in settle(access.journal, resources, place.header, unsettled):
        terminal.note(f"run {earlier.run_id} was interrupted; {done.action.kind} {done.action.target}: {done.reason}")


def carry_out(
    access: Access,
    terminal: Terminal,
    plan: Plan,
    resources: Resources,
    *,
    question: str = "",
    needed_for: str = "",
    word: str = "",
    undoes: str = "",
) -> Applied | None:
    """Shows the plan, asks `question` if there is one, and applies. None after --dry-run: the plan is on stdout."""
    if access.options.dry_run:
        terminal.emit(plan_view(plan))
        return None
    if plan.actions:
        terminal.note(plan_text(plan).rstrip("\n"))
        if question:
            terminal.consent(question, needed_for=needed_for, word=word)
    access.runtime.changing = True
    try:
        return apply(
            plan,
            resources,
            access.journal,
            command=access.runtime.argv,
            now=access.runtime.now(),
            progress=terminal.progress.update,
            undoes=undoes,
        )
    finally:
        terminal.progress.done()


def report(
    terminal: Terminal,
    plan: Plan,
    applied: Applied,
    *,
    seen: Callable[[], Seen] | None = None,
    notes: tuple[str, ...] = (),
) -> None:
    """Puts the result on stdout and leaves with the code that the result chose. `seen` looks at the effect, only
    when every action worked; what it raises comes after the result, which it does not undo."""
    error = applied.error
    found = Seen(None)
    if seen is not None and error is None:
        try:
            found = seen()
        except PodidError as later:
            error = later
    done = (*applied.done, *found.done)
    result = ChangeResult(plan=plan, done=done, effect=found.effect, run_id=applied.run_id, notes=notes)
    code = _code(done, found, error)
    if error is not None and not any(item.status is Status.DONE for item in done):
        raise error  # nothing was done: an error, and no result
    terminal.emit(result_view(result))
    for note in notes:
        terminal.note(f"note: {note}")
    if error is not None:
        terminal.tell_failure(error)
    terminal.leave(code)


def _code(done: Sequence[Done], found: Seen, error: PodidError | None) -> ExitCode:
    """8 where something was done and something else failed; a wait that ran out is its own code, 7."""
    statuses = {item.status for item in done}
    failed = bool(statuses & {Status.FAILED, Status.BLOCKED}) or (
        error is not None and not isinstance(error, Unavailable)
    )
    if Status.DONE in statuses and failed:
        return ExitCode.PARTIAL
    return error.exit_code if error is not None else found.code
