"""podid explain."""

from typing import Annotated

import typer

from podid.cli.command import Terminal, command


@command()
def explain(
    terminal: Terminal,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID|TEXT", help="A failure mode's id, or an error text; '-' reads stdin.", show_default=False
        ),
    ] = None,
    list_pages: Annotated[bool, typer.Option("--list", help="List every failure mode and exit.")] = False,
) -> None:
    """Explain a failure by id or error text.

    Works offline. Paste the error as your application printed it.

    Example: podid explain "Unauthorized Exception! EKS does not have permissions to assume the associated role."
    """
    from podid.domain.errors import UsageError
    from podid.ops import explain as pages
    from podid.render.pages import explanation_view, page_list_view

    if list_pages:
        terminal.emit(page_list_view(pages.list_pages()))
        return
    if not what:
        raise UsageError("What is to be explained? Give an id or an error text", hint=("podid", "explain", "--list"))
    text = terminal.read_file("-") if what == ["-"] else " ".join(what)
    terminal.emit(explanation_view(pages.explain(text)))
