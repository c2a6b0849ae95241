"""podid history."""

from podid.cli.command import Access, Terminal, command
from podid.domain.option import argument, number


@command(shared=("journal_dir",))
def history(
    access: Access,
    terminal: Terminal,
    run_id: str | None = argument("[RUN]", "One run: its id, six characters of it, or 'last'.", default=None),
    limit: int = number(
        "NUMBER", "Show only this many of the newest runs; 0 for all.", default=0, bounds=(0, 1_000_000)
    ),
) -> None:
    """List what podid changed from here.

    Newest first; with RUN, that run's steps. Exit 8 when a file of the journal cannot be read: the others are listed.

    Example: podid history
    """
    from podid.domain.errors import ExitCode
    from podid.render.history import history_view

    runs, unread = access.journal.legible() if run_id is None else ((access.journal.peek(run_id),), ())
    runs = runs[:limit] if limit else runs
    terminal.emit(history_view(runs, access.runtime.now(), detail=run_id is not None, short=terminal.for_person))
    for error in unread:
        terminal.tell_failure(error)
    if unread:
        terminal.leave(ExitCode.PARTIAL)
