"""Record a command with a service account's identity in the journal, without its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.plan import Done, Status
from podid.ops.change.kinds import COMMAND

if TYPE_CHECKING:
    from podid.domain.aws import Association
    from podid.domain.plan import Place
    from podid.ops.change.journal import Journal


@contextmanager
def recorded(
    journal: Journal,
    place: Place,
    association: Association,
    words: Sequence[str],
    argv: Sequence[str],
    now: Callable[[], datetime],
) -> Iterator[Callable[[int], None]]:
    """Record the intent, then the exit code that the function gets. `argv` is podid's command line, at whose end the
    command's `words` are."""
    program = words[0]
    action = COMMAND.action(None, COMMAND.state_of(association.ref, program, association.pods_role_arn))
    without_arguments = (*argv[: len(argv) - len(words)], program)
    with journal.begin(without_arguments, place.header, now(), [action]) as recorder:
        recorder.intent(0, action)

        def record(code: int) -> None:
            recorder.outcome(0, Done(action, Status.DONE, None, f"exit code {code}"), now())

        yield record
