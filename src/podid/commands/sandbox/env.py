"""podid sandbox env."""

from podid.cli.command import Access, command


@command(settings=False)
def env(access: Access) -> None:
    """Print shell commands that select the sandbox.

    The commands direct podid, the AWS CLI and kubectl to the sandbox. They set environment variables, and unset
    variables that would override them.

    Example: eval "$(podid sandbox env)"

    Example: podid sandbox env > sandbox.sh && source sandbox.sh
    """
    from podid.commands.sandbox.views import environment_view
    from podid.sandbox import process

    access.terminal.emit(environment_view(process.env(directory=access.sandbox_dir)))
    if access.runtime.streams.stdout_tty:
        access.terminal.note('To use it:  eval "$(podid sandbox env)"')
