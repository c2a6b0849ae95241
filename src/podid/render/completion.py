"""The view of an installed completion."""

from podid.ops.shells import CompletionInstalled
from podid.render.view import Line, View, document


def installed_view(installed: CompletionInstalled) -> View:
    word = "installed" if installed.changed else "already installed"
    by = f", loaded by {installed.startup}" if installed.startup else ""
    lines = (
        Line(f"✓ completion for {installed.shell} {word}: {installed.script}{by}", "good", upto=1),
        "Start a new shell to use it.",
    )
    body = document(CompletionInstalled, installed)
    return View(body, lines=lines, names=(installed.script,), exact=True)
