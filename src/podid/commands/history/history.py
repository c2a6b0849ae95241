"""podid history."""

from typing import Annotated

import typer

from podid.cli.command import Access, Terminal, command


@command(shared=("journal_dir",))
def history(
    access: Access,
    terminal: Terminal,
    run_id: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="One run: its id, the id's start or end, or 'last'.", show_default=False),
    ] = None,
) -> None:
    """List what podid changed from here.

    Newest first; with RUN, that run's steps.

    Example: podid history
    """
    from podid.render.changes import history_view

    runs = access.journal.runs() if run_id is None else (access.journal.get(run_id),)
    terminal.emit(history_view(runs, access.runtime.now(), detail=run_id is not None, short=terminal.for_person))
