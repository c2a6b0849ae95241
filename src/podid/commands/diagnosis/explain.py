"""podid explain."""

from podid.cli.command import Access, command
from podid.domain.errors import NotFound, Other, UsageError
from podid.domain.option import arguments, option, switch


@command()
def explain(
    access: Access,
    words: tuple[str, ...] = arguments(
        "ID|TEXT", "The id of a failure mode, or an error text. '-' reads stdin.", default=()
    ),
    list_pages: bool = switch("List every failure mode, in the order of the links.", name="--list"),
    search: str | None = option("WORDS", "List the failure modes whose pages contain all these words."),
) -> None:
    """Explain a failure by id or error text.

    The command works offline. Paste the error of your application, or pass a whole log on stdin ('-'). podid states the
    certainty of the answer. If nothing in the text is conclusive, the exit code is 5.

    Example: podid explain trust-missing-tag-session

    Example: podid explain "Unauthorized Exception! EKS does not have permissions to assume the associated role."

    Example: kubectl logs deploy/orders | podid explain -
    """
    from podid.ops import explain as pages
    from podid.render.pages import explanation_view, page_list_view

    if list_pages:
        access.terminal.emit(page_list_view(pages.list_pages()))
        return
    if search is not None:
        matches = pages.search(search)
        if not matches:
            raise NotFound(
                f"No page contains all of the words {search!r}",
                hint=Other(("explain",), flags=("--list",)),
                subject=search,
            )
        access.terminal.emit(page_list_view(match.entry for match in matches))
        return
    if not words:
        message = "Nothing to explain: specify an id, an error text, or - for a log on stdin"
        raise UsageError(message, hint=Other(("explain",), flags=("--list",)))
    text = access.terminal.read_file("-") if words == ("-",) else " ".join(words)
    explanation = pages.explain(text)
    access.terminal.emit(explanation_view(explanation))
    access.terminal.leave(explanation.exit_code)
