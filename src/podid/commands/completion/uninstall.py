"""podid completion uninstall."""

from podid.cli.command import Access, command
from podid.domain.option import argument


@command(settings=False)
def uninstall(
    access: Access,
    shell: str | None = argument("[bash|zsh|fish]", "The shell. [default: the current shell]"),
) -> None:
    """Uninstall the completion script of a shell.

    podid deletes the script that podid completion install wrote, and removes the line from the startup file.

    Example: podid completion uninstall

    Example: podid completion uninstall zsh
    """
    from podid.ops.shells import shell_of, uninstall_completion
    from podid.render.settings import completion_files_view

    env = access.runtime.env
    access.terminal.emit(completion_files_view(uninstall_completion(shell_of(shell, env), env)))
