"""podid completion."""

from typing import Literal

from podid.cli.command import Terminal, command
from podid.domain.members import Document
from podid.domain.option import argument


class CompletionDocument(Document, kind="Completion"):
    """`podid completion`."""

    shell: Literal["bash", "zsh", "fish"]
    script: str


@command(settings=False)
def completion(
    terminal: Terminal,
    shell: str = argument("bash|zsh|fish", "The shell."),
) -> None:
    """Print the completion script of a shell.

    bash: add `source <(podid completion bash)` to ~/.bashrc.
    zsh: add `source <(podid completion zsh)` to ~/.zshrc, below compinit.
    fish: podid completion fish > ~/.config/fish/completions/podid.fish

    Example: source <(podid completion bash)

    Example: podid completion fish > ~/.config/fish/completions/podid.fish
    """
    from podid.cli.completion import SCRIPTS
    from podid.domain.errors import InvalidInput
    from podid.render.view import View, document

    if shell not in SCRIPTS:
        raise InvalidInput(f"{shell!r} is not one of {', '.join(SCRIPTS)}", subject=shell)
    body = document(CompletionDocument, shell=shell, script=SCRIPTS[shell])
    terminal.emit(View(body, lines=tuple(SCRIPTS[shell].rstrip("\n").split("\n")), names=(shell,)))
