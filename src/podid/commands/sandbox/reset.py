"""podid sandbox reset."""

from podid.cli.command import Access, Terminal, command


@command()
def reset(
    access: Access,
    terminal: Terminal,
) -> None:
    """Reset the sandbox to its initial state.

    Example: podid sandbox reset

    Example: podid sandbox reset && podid doctor
    """
    from podid.commands.sandbox.views import running_view
    from podid.sandbox import process

    with terminal.working("resetting the sandbox"):
        running = process.reset(directory=access.sandbox_dir)
    terminal.emit(running_view(running, "reset"))
