"""The commands that complete and undo an incomplete change."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from podid.cli.hints import hint_words
from podid.domain.errors import Again, Conflict, LostAnswer, PodidError
from podid.domain.plan import ChangeResult, Done, Status
from podid.ops.change.kinds import kind_of

if TYPE_CHECKING:
    from podid.cli.access import Access


def incomplete_notes(result: ChangeResult, access: Access) -> tuple[str, ...]:
    """Return a note with the commands that complete and undo an incomplete run."""
    undo = _undo(result, access)
    if not undo:
        return ()
    # an error whose hint is the command line with a change prints that line
    amended = result.error is not None and isinstance(result.error.hint, Again)
    # what only the user can do, such as the deletion of a pod without a controller, stops the same command again
    stuck = result.error is None and all(
        item.status is Status.BLOCKED and isinstance(item.error, Conflict) for item in _missing(result)
    )
    again = () if amended or stuck else hint_words(Again(), access.runtime.argv)
    steps = [("to complete it", again), ("to undo its changes", undo)]
    return ("; ".join(("this run is incomplete", *(f"{aim}: {shlex.join(words)}" for aim, words in steps if words))),)


def with_undo(error: PodidError, result: ChangeResult, access: Access) -> PodidError:
    """Return the error of a result that is not printed, with the undo as its hint if changes may remain."""
    if not error.hint and (undo := _undo(result, access)):
        error.advise("You can also undo the run.")
        error.hint = undo
    return error


def _undo(result: ChangeResult, access: Access) -> tuple[str, ...]:
    """Return the command line that undoes the run. Empty if it is complete, or nothing of it remains that can be
    undone."""
    remains = any(
        (item.changed or isinstance(item.error, LostAnswer)) and not kind_of(item.action.kind).not_undone(item.action)
        for item in result.done
    )
    incomplete = remains and result.run_id and _missing(result)
    return access.at_place(("podid", "undo", result.run_id)) if incomplete else ()


def _missing(result: ChangeResult) -> list[Done]:
    return [item for item in result.done if item.status in (Status.FAILED, Status.BLOCKED)]
