"""The note on a change of which only a part was made."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from podid.cli.hints import hint_words
from podid.domain.errors import Again, LostAnswer
from podid.domain.plan import ChangeResult, Status
from podid.ops.change.kinds import kind_of

if TYPE_CHECKING:
    from podid.cli.access import Access


def incomplete_notes(result: ChangeResult, access: Access) -> tuple[str, ...]:
    """Return a note with the commands that complete and undo the run. Empty if it is complete, or nothing of it
    remains that can be undone."""
    complete = all(item.status not in (Status.FAILED, Status.BLOCKED) for item in result.done)
    remains = any(
        (item.changed or isinstance(item.error, LostAnswer)) and not kind_of(item.action.kind).not_undone(item.action)
        for item in result.done
    )
    if complete or not remains or not result.run_id:
        return ()
    # an error whose hint is the command line with a change prints that line
    amended = result.error is not None and isinstance(result.error.hint, Again)
    again = () if amended else hint_words(Again(), access.argv)
    undo = access.at_place(("podid", "undo", result.run_id))
    steps = [("to complete it", again), ("to undo its changes", undo)]
    return ("; ".join(("this run is incomplete", *(f"{aim}: {shlex.join(words)}" for aim, words in steps if words))),)
