"""podid completion install."""

from podid.cli.command import Access, command
from podid.domain.option import argument


@command(settings=False)
def install(
    access: Access,
    shell: str | None = argument("[bash|zsh|fish]", "The shell. [default: the current shell]"),
) -> None:
    """Install the completion script of a shell.

    podid prints the name of each file that it writes. For bash and zsh, podid adds a line to the startup file once.
    fish requires no such line. A second run changes nothing. podid completion uninstall removes the script and the
    line.

    Example: podid completion install

    Example: podid completion install zsh
    """
    from podid.cli.completion import SCRIPTS
    from podid.ops.shells import install_completion, shell_of
    from podid.render.settings import completion_files_view

    env = access.runtime.env
    shell = shell_of(shell, env)
    access.terminal.emit(completion_files_view(install_completion(shell, SCRIPTS[shell], env)))
