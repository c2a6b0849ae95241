"""podid completion show."""

from typing import Literal

from podid.cli.command import Access, command
from podid.domain.errors import InvalidInput
from podid.domain.members import Document
from podid.domain.option import argument
from podid.render.view import View, document


class CompletionDocument(Document, kind="Completion"):
    """`podid completion show`."""

    shell: Literal["bash", "zsh", "fish"]
    script: str


@command(settings=False)
def show(
    access: Access,
    shell: str = argument("bash|zsh|fish", "The shell."),
) -> None:
    """Print the completion script of a shell.

    To install the script, run podid completion install. podid completion SHELL is short for this command.

    Example: source <(podid completion show bash)

    Example: podid completion show fish > ~/.config/fish/completions/podid.fish
    """
    from podid.cli.completion import SCRIPTS

    if shell not in SCRIPTS:
        raise InvalidInput(f"{shell!r} is not one of {', '.join(SCRIPTS)}", subject=shell)
    body = document(CompletionDocument, shell=shell, script=SCRIPTS[shell])
    access.terminal.emit(View(body, lines=tuple(SCRIPTS[shell].rstrip("\n").split("\n")), names=(shell,)))
