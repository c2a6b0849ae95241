"""podid sandbox reset."""

from podid.cli.command import Access, command


@command()
def reset(access: Access) -> None:
    """Reset the sandbox to its initial state.

    Example: podid sandbox reset

    Example: podid sandbox reset && podid doctor
    """
    from podid.commands.sandbox.views import running_view
    from podid.sandbox import process

    with access.terminal.working("resetting the sandbox"):
        running = process.reset(directory=access.sandbox_dir)
    access.terminal.emit(running_view(running, "reset"))
