"""podid sandbox status."""

from podid.cli.command import Access, command
from podid.domain.errors import ExitCode


@command()
def status(access: Access) -> None:
    """Show whether the sandbox is running. Exit 0 if it is, 3 if not.

    Example: podid sandbox status

    Example: podid sandbox status -o json
    """
    from podid.commands.sandbox.views import absent_view, running_view
    from podid.sandbox import process

    sandbox = process.status(directory=access.sandbox_dir)
    if sandbox.running is not None:
        access.terminal.emit(running_view(sandbox.running, "running"))
        return
    access.terminal.emit(
        absent_view(
            "not running",
            remark=" (found the state file of a sandbox that is no longer running)" if sandbox.stale else "",
        )
    )
    access.terminal.leave(ExitCode.ATTENTION)
