"""The commands that complete and undo an incomplete change."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from podid.cli.hints import hint_words
from podid.domain.errors import Again, Conflict, LostAnswer, PodidError, Unavailable
from podid.domain.plan import ChangeResult, Done, Status
from podid.ops.change.kinds import kind_of

if TYPE_CHECKING:
    from podid.cli.access import Access


def incomplete_notes(result: ChangeResult, access: Access) -> tuple[str, ...]:
    """Return a note with the commands that complete and undo an incomplete run, and the interrupted runs that it
    continues."""
    undos = _undos(result, access)
    if not undos:
        return ()
    # an error whose hint is the command line with a change prints that line
    amended = result.error is not None and isinstance(result.error.hint, Again)
    # what only the user can do, such as the deletion of a pod without a controller, stops the same command again
    stuck = result.error is None and all(
        item.status is Status.BLOCKED and isinstance(item.error, Conflict) for item in _missing(result)
    )
    again = [] if amended or stuck else [("complete it", hint_words(Again(), access.runtime.argv))]
    return (
        "; ".join(("this run is incomplete", *(f"to {aim}: {shlex.join(words)}" for aim, words in (*again, *undos)))),
    )


def with_undo(error: PodidError, result: ChangeResult, access: Access) -> PodidError:
    """Return the error of a result that is not printed, with the undo as its hint if changes may remain. The plan above
    it predicts a state: say that this did not come about."""
    undos = _undos(result, access)
    changed = any(item.changed or isinstance(item.error, Unavailable) for item in result.done)
    if result.done and not undos and not changed:
        error.advise("Nothing was changed.")
    if undos and not error.hint:
        (aim, error.hint), *undos = undos
        error.advise(f"You can also {aim}.")
    error.lines = (*error.lines, *(f"to {aim}: {shlex.join(words)}" for aim, words in undos))
    return error


def _undos(result: ChangeResult, access: Access) -> list[tuple[str, tuple[str, ...]]]:
    """Return the command lines that undo the run, and the interrupted runs that it continues, each with its aim. Empty
    if the run is complete, or nothing remains that can be undone."""
    if not _missing(result) or not result.run_id:
        return []
    from podid.ops.change.undo import interrupted_runs

    remains = any(
        (item.changed or isinstance(item.error, LostAnswer)) and not kind_of(item.action.kind).not_undone(item.action)
        for item in result.done
    )
    runs = [("undo this run", result.run_id)] if remains else []
    interrupted = interrupted_runs(access.journal, access.runtime.argv, result.plan.header)
    runs += [("undo the interrupted run", run_id) for run_id in interrupted]
    return [(aim, access.at_place(("podid", "undo", run_id))) for aim, run_id in runs]


def _missing(result: ChangeResult) -> list[Done]:
    return [item for item in result.done if item.status in (Status.FAILED, Status.BLOCKED)]
