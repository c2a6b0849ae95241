"""The view of the files of a completion."""

from __future__ import annotations

from podid.ops.shells import CompletionFiles
from podid.render.view import Line, View, document


def completion_files_view(result: CompletionFiles) -> View:
    if result.installed:
        by = f", loaded by {result.startup}" if result.startup else ""
        done = f"{'installed' if result.changed else 'already installed'}: {result.script}{by}"
    elif result.changed:
        done = f"uninstalled: {result.script}{f', and its line in {result.startup}' if result.startup else ''}"
    else:
        done = "is not installed"
    lines = [Line(f"✓ completion for {result.shell} {done}", "good", upto=1)]
    if result.installed:
        lines.append(Line("Start a new shell to use it."))
    return View(document(CompletionFiles, result), lines=tuple(lines), names=(result.script,), exact=True)
