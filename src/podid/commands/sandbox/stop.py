"""podid sandbox stop."""

from podid.cli.command import Access, command


@command()
def stop(access: Access) -> None:
    """Stop the sandbox. Its contents are lost.

    Example: podid sandbox stop

    Example: podid sandbox stop && podid sandbox start
    """
    from podid.commands.sandbox.views import absent_view
    from podid.sandbox import process

    stopped = process.stop(directory=access.sandbox_dir)
    access.terminal.emit(absent_view("stopped" if stopped.was_running else "not running"))
