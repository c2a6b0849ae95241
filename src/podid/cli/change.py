"""What every changing command does the same way: settle, show the plan, ask, carry out, say what became of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from podid.cli.effects import Seen
from podid.domain.errors import PodidError, Unavailable
from podid.domain.exit_codes import ExitCode
from podid.domain.plan import ChangeResult, Done, Header, Plan, Status
from podid.ops.change.apply import Applied, apply, settle
from podid.render.changes import plan_text, plan_view, result_view

if TYPE_CHECKING:
    from podid.cli.invocation import Invocation
    from podid.domain.errors import PodidError
    from podid.domain.plan import Action
    from podid.ops.change.journal import Run
    from podid.ops.change.resources import Resources


def settle_interrupted(run: Invocation, resources: Resources, header: Header) -> None:
    """Finds out what became of changes that were cut short, and says so. A dry run touches nothing, the journal
    included."""
    if run.options.dry_run:
        return

    def unsettled(earlier: Run, action: Action, error: PodidError) -> None:
        run.note(
            f"run {earlier.run_id} was interrupted; what became of {action.kind} {action.target} "
            f"cannot be looked at now: {error.what}"
        )

    for earlier, done in settle(run.journal, resources, header, unsettled):
        run.note(f"run {earlier.run_id} was interrupted; {done.action.kind} {done.action.target}: {done.reason}")


def carry_out(
    run: Invocation,
    plan: Plan,
    resources: Resources,
    *,
    question: str = "",
    needed_for: str = "",
    undoes: str = "",
) -> Applied | None:
    """Shows the plan, asks `question` if there is one, and applies. None after --dry-run: the plan is on stdout."""
    if run.options.dry_run:
        run.emit(plan_view(plan))
        return None
    if plan.actions:
        run.note(plan_text(plan).rstrip("\n"))
        if question:
            run.consent(question, needed_for=needed_for)
    try:
        return apply(
            plan,
            resources,
            run.journal,
            command=run.runtime.argv,
            now=run.runtime.now(),
            progress=run.progress.update,
            undoes=undoes,
        )
    finally:
        run.progress.done()


def report(
    run: Invocation,
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
    run.emit(result_view(result))
    for note in notes:
        run.note(f"note: {note}")
    if error is not None:
        run.fail_after_result(error, code)
    run.finish(code)


def _code(done: Sequence[Done], found: Seen, error: PodidError | None) -> ExitCode:
    """8 where something was done and something else failed; a wait that ran out is its own code, 7."""
    statuses = {item.status for item in done}
    failed = bool(statuses & {Status.FAILED, Status.BLOCKED}) or (
        error is not None and not isinstance(error, Unavailable)
    )
    if Status.DONE in statuses and failed:
        return ExitCode.PARTIAL
    return error.exit_code if error is not None else found.code
