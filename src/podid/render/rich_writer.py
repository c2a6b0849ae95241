"""The one module that imports rich: tables for a person at a terminal."""

from typing import IO

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from podid.render import sanitize
from podid.render.view import Table, View

_STYLES = {"good": "green", "bad": "bold red", "warn": "yellow", "dim": "dim"}


def draw(view: View, stream: IO[str], *, wide: bool, width: int, color: bool) -> None:
    """Writes `view` to a terminal of `width` columns. Nothing in it is read as markup, emoji or a highlight."""
    console = Console(
        file=stream,
        width=width,
        force_terminal=True,
        no_color=not color,
        color_system="auto" if color else None,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )
    if view.text:
        console.print(Text(sanitize.block(view.text).rstrip("\n")), soft_wrap=True)
        return
    for position, table in enumerate(view.tables):
        if position:
            console.print()
        _draw_table(console, table, wide=wide, color=color)


def _draw_table(console: Console, table: Table, *, wide: bool, color: bool) -> None:
    if table.title:
        console.print(Text(sanitize.line(table.title), style="bold" if color else ""))
    if not table.rows:
        console.print(Text(table.empty or "nothing", style="dim" if color else ""))
        return
    shown = [index for index, column in enumerate(table.columns) if wide or not column.wide]
    grid = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold" if color else "")
    for index in shown:
        column = table.columns[index]
        # fold, never cut: an ARN that lost its end names another thing
        whole = max((len(row[index]) for row in table.rows), default=0) if column.whole else None
        grid.add_column(column.title, overflow="fold", justify="right" if column.right else "left", min_width=whole)
    for number, row in enumerate(table.rows):
        grid.add_row(
            *(
                Text(sanitize.line(row[index]), style=_STYLES.get(table.styles.get((number, index), ""), ""))
                for index in shown
            )
        )
    if wide:
        # asked for all of it: the terminal wraps lines better than cells of five letters read
        console.width = max(console.width, console.measure(grid, options=console.options.update(width=10_000)).maximum)
    console.print(grid, crop=False)
