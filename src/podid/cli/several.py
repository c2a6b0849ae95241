"""One command in several clusters: each by itself, what came of all of them in one document, failures by cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from podid.cli.hints import hint_words
from podid.domain.errors import Cancelled, PodidError, UsageError
from podid.domain.exit_codes import ExitCode, combine
from podid.render.changes import results_view

if TYPE_CHECKING:
    from podid.cli.access import Access
    from podid.cli.terminal import Terminal
    from podid.render.view import View


def in_each_cluster(access: Access, terminal: Terminal, run: Callable[[Access], None]) -> None:
    """Runs a changing command in every cluster that --cluster names. In one of several that fails, the others go on:
    exit 8 where some of it worked."""
    clusters = access.options.several.get("cluster")
    if clusters is None:
        run(access)
        return
    if access.options.context is not None:
        raise UsageError("--context is the way into one cluster, and --cluster names several")
    views: list[View] = []
    failures: list[tuple[str, PodidError]] = []
    codes = set()
    for name in clusters:
        terminal.note(f"cluster {name}:")
        there = access.of(cluster=name)
        terminal.argv = there.argv
        try:
            with terminal.collecting(views):
                run(there)
            codes.add(ExitCode.OK)
        except typer.Exit as left:
            codes.add(ExitCode(left.exit_code))
        except Cancelled:
            raise
        except PodidError as error:
            error.hint = hint_words(error.hint, there.argv)
            failures.append((name, error))
            codes.add(error.exit_code)
    terminal.argv = access.argv
    if not views:
        for _, failure in failures[1:]:
            terminal.tell_failure(failure)
        raise failures[0][1]
    terminal.emit(results_view(views, failures))
    for _, failure in failures:
        terminal.tell_failure(failure)
    terminal.leave(ExitCode.PARTIAL if failures or (ExitCode.OK in codes and len(codes) > 1) else combine(codes))
