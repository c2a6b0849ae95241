"""podid completion install."""

from podid.cli.command import Access, Terminal, command
from podid.domain.option import argument


@command(settings=False)
def install(
    access: Access,
    terminal: Terminal,
    shell: str | None = argument("[bash|zsh|fish]", "The shell. [default: the current shell]", default=None),
) -> None:
    """Install the completion script of a shell.

    podid prints the name of each file that it writes. For bash and zsh, podid adds a line to the startup file once.
    fish requires no such line. A second run changes nothing.

    Example: podid completion install

    Example: podid completion install zsh
    """
    from podid.cli.completion import SCRIPTS
    from podid.domain.errors import InvalidInput
    from podid.ops.shells import detected_shell, install_completion
    from podid.render.completion import installed_view

    if shell is not None and shell not in SCRIPTS:
        raise InvalidInput(f"{shell!r} is not one of {', '.join(SCRIPTS)}", subject=shell)
    env = access.runtime.env
    shell = shell or detected_shell(env)
    terminal.emit(installed_view(install_completion(shell, SCRIPTS[shell], env)))
