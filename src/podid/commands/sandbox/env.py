"""podid sandbox env."""

from podid.cli.command import Access, Terminal, command


@command()
def env(
    access: Access,
    terminal: Terminal,
) -> None:
    """Print the environment for podid, the AWS CLI and kubectl.

    The output is shell commands that set variables, and unset variables that would take precedence.

    Example: eval "$(podid sandbox env)"
    """
    from podid.commands.sandbox.views import environment_view
    from podid.sandbox import process

    terminal.emit(environment_view(process.env(directory=access.sandbox_dir)))
