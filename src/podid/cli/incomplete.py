"""The commands that complete and undo an incomplete change."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from podid.cli.hints import hint_words
from podid.domain.errors import Again, LostAnswer, PodidError
from podid.domain.plan import ChangeResult, Status
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
    again = () if amended else hint_words(Again(), access.runtime.argv)
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
    complete = all(item.status not in (Status.FAILED, Status.BLOCKED) for item in result.done)
    remains = any(
        (item.changed or isinstance(item.error, LostAnswer)) and not kind_of(item.action.kind).not_undone(item.action)
        for item in result.done
    )
    return () if complete or not remains or not result.run_id else access.at_place(("podid", "undo", result.run_id))
