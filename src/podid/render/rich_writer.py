"""The one module that imports rich: tables for a person at a terminal."""

import re
from typing import IO, Any, ClassVar

from rich.console import Console
from rich.text import Text

from podid.render import sanitize
from podid.render.layout import GAP, lay_out, paint_all, wrap_command
from podid.render.view import Table, View

# the layout fits the terminal where that can be; what is longer is a name, and the terminal itself may break that
_AS_IT_IS: dict[str, Any] = {"soft_wrap": True, "crop": False}
_SOURCE = re.compile(r"(?m)^- (?:\[[^\]]*\]\((\S+)\)|<(\S+)>)$")
_SOURCES = re.compile(rf"(?:{_SOURCE.pattern.removeprefix('(?m)')}\n)+", re.MULTILINE)
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
    if view.markdown:
        _print_markdown(console, view.text)
        return
    if view.lines:
        stream.write(paint_all(view.lines, width=width, color=color))
        return
    for position, table in enumerate(view.tables):
        if position:
            console.print()
        _draw_table(console, table, wide=wide, color=color)


def _print_markdown(console: Console, text: str) -> None:
    from rich.console import ConsoleOptions, RenderResult
    from rich.markdown import CodeBlock, Markdown

    class CopyableCode(CodeBlock):
        """It is there to be copied: without a highlighter's colours, and no line of it broken as a sentence is."""

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            for line in str(self.text).rstrip().splitlines():
                shown = wrap_command(line, options.max_width) if self.lexer_name == "sh" else line
                yield Text(shown, no_wrap=True, overflow="ignore")

    class Copyable(Markdown):
        elements: ClassVar[Any] = {**Markdown.elements, "fence": CopyableCode, "code_block": CopyableCode}

    console.width = min(console.width, 100)
    # addresses are there to be copied, too
    whole = _SOURCES.sub(lambda match: "```\n" + _SOURCE.sub(r"\1\2", match[0]) + "```\n", text)
    console.print(Copyable(whole, hyperlinks=False), crop=False)


def _draw_table(console: Console, table: Table, *, wide: bool, color: bool) -> None:
    if not table.rows:
        console.print(Text(sanitize.line(table.empty or "nothing"), style="dim" if color else ""))
        return
    laid = lay_out(table, console.width, wide=wide)
    if table.titled:
        titles = GAP.join(cell.text for cell in laid.header).rstrip()
        console.print(Text(titles, style="bold" if color else ""), **_AS_IT_IS)
        console.print("─" * (laid.width if wide else min(laid.width, console.width)), **_AS_IT_IS)
    for number, lines in enumerate(laid.rows):
        for cells in lines:
            text = Text(GAP).join(
                Text(cell.text, style=_STYLES.get(table.styles.get((number, cell.column), ""), "")) for cell in cells
            )
            text.rstrip()
            console.print(text, **_AS_IT_IS)
