"""podid sandbox env."""

from podid.cli.command import Access, Terminal, command


@command()
def env(
    access: Access,
    terminal: Terminal,
) -> None:
    """Print what points podid, the AWS CLI and kubectl at it.

    Shell commands: variables to set, and variables that would win over them to unset.

    Example: eval "$(podid sandbox env)"
    """
    from podid.commands.sandbox.views import environment_view
    from podid.sandbox import process

    terminal.emit(environment_view(process.env(directory=access.sandbox_dir)))
