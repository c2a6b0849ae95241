"""podid sandbox status."""

from podid.cli.command import Access, Terminal, command


@command()
def status(
    access: Access,
    terminal: Terminal,
) -> None:
    """Say whether the sandbox runs. Exit 0 if it does, 3 if not.

    Example: podid sandbox status
    """
    from podid.commands.sandbox.views import absent_view, running_view
    from podid.domain.errors import ExitCode
    from podid.sandbox import process

    sandbox = process.status(directory=access.sandbox_dir)
    if sandbox.running is not None:
        terminal.emit(running_view(sandbox.running, "running"))
        return
    terminal.emit(absent_view("not running", remark=" (a state file of a dead one was found)" if sandbox.stale else ""))
    terminal.leave(ExitCode.ATTENTION)
