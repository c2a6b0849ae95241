"""Lines for a person: wrapped between words where a terminal is known, and coloured where one wants that.

A colour means the same everywhere (see CONTRIBUTING.md), and a mark or a word always says it too.
"""

from collections.abc import Iterable

from podid.render import sanitize
from podid.render.layout import wrap_line
from podid.render.view import Line

_CODES = {"good": "32", "bad": "1;31", "warn": "33", "dim": "2"}


def paint_all(lines: Iterable[str | Line], *, width: int | None, color: bool) -> str:
    return "".join(f"{paint(line, width=width, color=color)}\n" for line in lines)


def paint(item: str | Line, *, width: int | None, color: bool) -> str:
    """The line without its end; of several lines where it had to be wrapped. Foreign text in it obeys nothing."""
    line = item if isinstance(item, Line) else Line(item)
    text = sanitize.line(line.text)
    shown = text if width is None else wrap_line(text, width)
    code = _CODES.get(line.style)
    if not color or code is None or not shown:
        return shown
    upto = len(shown) if line.upto is None else min(line.upto, len(shown.partition("\n")[0]))
    return f"\x1b[{code}m{shown[:upto]}\x1b[0m{shown[upto:]}"
