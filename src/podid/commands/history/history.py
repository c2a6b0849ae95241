"""podid history."""

from podid.cli.command import Access, command
from podid.domain.errors import ExitCode
from podid.domain.option import argument, number


@command(shared=("journal_dir",))
def history(
    access: Access,
    run_id: str | None = argument("[RUN]", "Run: its id, at least six characters of its start or end, or 'last'."),
    limit: int = number(
        "NUMBER", "Show only this many of the newest runs; 0 for all.", default=0, bounds=(0, 1_000_000)
    ),
) -> None:
    """List the changes in podid's journal.

    The newest run is first. With RUN, podid shows the steps of that run. If a file of the journal is not valid, podid
    lists the others and exits with code 8.

    Example: podid history

    Example: podid history last

    Example: podid history -o json
    """
    from podid.ops.change.undone import related
    from podid.render.history import history_view

    runs, unread = access.journal.legible()
    runs = related(runs)
    if run_id is not None:
        chosen, unread = access.journal.peek(run_id).run_id, ()
        runs = tuple(run for run in runs if run.run_id == chosen)
    runs = runs[:limit] if limit else runs
    access.terminal.emit(
        history_view(runs, access.runtime.now(), detail=run_id is not None, short=access.terminal.for_person)
    )
    access.terminal.tell_failure(*unread)
    if unread:
        access.terminal.leave(ExitCode.PARTIAL)
