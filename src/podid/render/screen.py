"""Lines and tables on a terminal: in colour, as wide as the terminal, with short names if these are clear.

A colour has the same meaning everywhere (see CONTRIBUTING.md), and a mark or a word always shows it too.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from podid.domain.encoding import timestamp
from podid.domain.text import count_of
from podid.render import sanitize
from podid.render.layout import COMMAND, GAP, TO_COPY, lay_out, wrap_command, wrap_line
from podid.render.view import Column, Line, Table, View, is_only

# in rich's words; `told` is for the text of podid demo
_STYLES = {"good": "green", "bad": "bold red", "warn": "yellow", "dim": "dim", "head": "bold", "told": "cyan"}
# text in quotes is a policy, which users copy; the last character of a name is never that of a sentence
_NAME = r"[\w+=,.@/-]*[\w+=@-]"
_NODE = re.compile(r"(?<!\")\b(ip-\d+(?:-\d+){3})\.(?:[a-z0-9-]+\.compute|ec2)\.internal\b")
_TIME = re.compile(r"(?<!\")\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?Z")
# after these words a name alone would not read as a role
_BEFORE_ROLE = re.compile(r"\b(?:as|by|for|from|in|of|to|with) $")


@dataclass(frozen=True, slots=True)
class Screen:
    """Lines are wrapped at `width`, unless it is None. Names of IAM in `account`, of nodes, and times on about the day
    of `now` are short; without `now` all is shown in full. Addresses and IDs of failure modes are `links`."""

    width: int | None = None
    color: bool = False
    links: bool = False
    account: str = ""
    now: datetime | None = None

    def short(self, text: str) -> str:
        """Return the text with short names. A command stays as it is, except that a role's name replaces its ARN."""
        if self.now is None:
            return text
        content = text.lstrip()
        if COMMAND.match(content) or TO_COPY.match(content):
            return self._roles(text, "--role ") if "podid " in text else text
        text = _NODE.sub(r"\1", self._roles(text))
        if self.account:
            own = rf"arn:aws[a-z-]*:(?:iam|sts)::{re.escape(self.account)}"
            text = re.sub(rf"(?<!\")\b{own}:((?:user|assumed-role|policy)/{_NAME})", r"\1", text)
            text = re.sub(
                rf"(?<= on )arn:aws[a-z-]*:eks:[a-z0-9-]+:{re.escape(self.account)}:cluster/", "cluster ", text
            )
        text = re.sub(r"(?<!\")\barn:aws[a-z-]*:iam::aws:policy/(?:[\w-]+/)*([\w-]+)", r"\1", text)
        return _TIME.sub(self._time, text)

    def _roles(self, text: str, before: str = "") -> str:
        def name(match: re.Match[str]) -> str:
            role = match[1].rpartition("/")[2]
            bare = before or not _BEFORE_ROLE.search(text, 0, match.start())
            return f"{before}{role}" if bare else f"role {role}"

        arn = rf"(?<!\")arn:aws[a-z-]*:iam::{re.escape(self.account)}:role/({_NAME})"
        return re.sub(before + arn, name, text) if self.account else text

    def _time(self, match: re.Match[str]) -> str:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}:00+00:00")
        near = self.now is not None and abs(moment - self.now) < timedelta(days=1)
        return f"{match[2]} UTC" if near else f"{match[1]} {match[2]} UTC"


def paint_all(lines: Iterable[str | Line], screen: Screen) -> str:
    hidden = "short" if screen.now is None else "full"
    return "".join(f"{paint(line, screen)}\n" for line in lines if not is_only(line, hidden))


def paint(item: str | Line, screen: Screen) -> str:
    """Return the line without its end, in several lines if it was wrapped. Control sequences of foreign text have no
    effect."""
    line = item if isinstance(item, Line) else Line(item)
    text, upto = sanitize.line(line.text), line.upto
    if not line.code:
        upto = None if upto is None else len(screen.short(text[:upto]))
        text = screen.short(text)
    shown = text
    if screen.width is not None:
        shown = wrap_command(text, screen.width) if line.code else wrap_line(text, screen.width, line.hang)
    if screen.color and line.style in _STYLES and shown:
        rows = shown.split("\n")
        if upto is None:
            rows = [_styled(row, line.style) for row in rows]
        else:
            rows[0] = _styled(rows[0][:upto], line.style) + rows[0][upto:]
        shown = "\n".join(rows)
    return linked(shown) if screen.links else shown


def _styled(text: str, style: str) -> str:
    """Return the text in the colour of its meaning, as rich writes it for terminals of 16 colours."""
    from rich.color import ColorSystem
    from rich.style import Style

    return Style.parse(_STYLES[style]).render(text, color_system=ColorSystem.STANDARD)


def rows_of(text: str, screen: Screen) -> int:
    """Return how many rows of the terminal the text takes; 0 if that is not known."""
    from unicodedata import east_asian_width

    plain = re.sub(r"\x1b\[[0-9;]*m", "", unlinked(text))
    if screen.width is None or any(east_asian_width(character) in "WF" for character in plain):
        return 0
    return sum(max(1, -(-len(line) // screen.width)) for line in plain.splitlines())


def draw(view: View, screen: Screen, *, wide: bool) -> str:
    screen = replace(screen, now=None) if view.exact or wide else screen
    screen = replace(screen, width=None, links=False) if view.file else screen
    if view.widest and screen.width is not None:
        screen = replace(screen, width=min(view.widest, screen.width))
    if view.lines:
        return paint_all(view.lines, screen)
    return "\n".join(_table(table, screen, wide=wide) for table in view.tables)


# --- --watch ----------------------------------------------------------------------------------------------------------


def redrawn(view: View, screen: Screen, moment: datetime, height: int) -> str:
    """Return the view below its time, cut to the rows of the terminal. 0 rows: the number is not known."""
    head = paint(Line(f"{moment:%H:%M:%S} UTC, checked every few seconds until Ctrl-C", "dim"), screen)
    lines = [head, "", *draw(view, screen, wide=False).splitlines()]
    shown = lines
    while height and len(shown) > 1 and rows_of("\n".join(shown), screen) > height - 2:
        shown = shown[:-1]
    hidden = [f"and {count_of(len(lines) - len(shown), 'more line')}"] if len(shown) < len(lines) else []
    return "".join(f"{line}\n" for line in (*shown, *hidden))


def changed_rows(view: View, previous: View | None, moment: datetime) -> View:
    """Return the rows that are new in the view, and those that the previous view alone had, each after the time."""
    table = view.tables[0]
    after, before = (dict.fromkeys(shown.tables[0].rows if shown is not None else ()) for shown in (view, previous))
    rows = [("+", *row) for row in after if row not in before] + [("-", *row) for row in before if row not in after]
    timed = tuple((timestamp(moment), *row) for row in rows)
    shown = replace(table, columns=(Column("TIME"), Column("CHANGE"), *table.columns), rows=timed, styles={})
    return View(view.document, (shown,), view.names)


def _table(table: Table, screen: Screen, *, wide: bool) -> str:
    if not table.rows:
        return paint_all([Line(table.empty or "nothing", "dim")], screen)
    width = screen.width or 0
    rows = [tuple(map(screen.short, row)) for row in table.rows] if screen.now is not None else table.rows
    laid = lay_out(replace(table, rows=rows), width, wide=wide)
    head = GAP.join(cell.text for cell in laid.header).rstrip()
    lines = [_colored(head, "head", screen), "─" * min(laid.width, width)] if table.titled else []
    for number, row in enumerate(laid.rows):
        for cells in row:
            parts = [_colored(cell.text, table.styles.get((number, cell.column), ""), screen) for cell in cells]
            line = GAP.join(parts).rstrip()
            lines.append(linked(line) if screen.links else line)
    return "".join(f"{line}\n" for line in lines)


def _colored(text: str, style: str, screen: Screen) -> str:
    """Apply the colour without the spaces that align a cell."""
    words = text.strip(" ")
    if not screen.color or style not in _STYLES or not words:
        return text
    return text.replace(words, _styled(words, style), 1)


# --- hyperlinks (OSC 8): addresses, and the pages of failure modes ----------------------------------------------------

# format: https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
_COLOR = re.compile(r"(\x1b\[[0-9;]*m)")
# an address, without the punctuation that ends a sentence; or hyphenated words, which may be the ID of a failure mode,
# unless they are part of a path, a file name or a flag
_TARGET = re.compile(r"https://[^\s\"'`<>()\[\]]*[\w/#]|(?<![\w./@=-])[a-z0-9]+(?:-[a-z0-9]+)+(?![\w/@=-]|\.\w)")
_SEQUENCE = re.compile(r"\x1b\]8;;[^\x1b]*\x1b\\")
# older versions of VTE, the library of many terminals, print the control sequence, or crash
_LEAST_VTE = 5000


def can_link(env: Mapping[str, str]) -> bool:
    """Return whether a terminal shows hyperlinks or ignores them. FORCE_HYPERLINK, which other programs read too,
    decides if it is set."""
    if forced := env.get("FORCE_HYPERLINK"):
        return forced != "0"
    vte = env.get("VTE_VERSION", "")
    outdated = vte.isdecimal() and int(vte) < _LEAST_VTE
    return env.get("TERM", "") not in ("", "dumb", "linux") and not outdated and not env.get("CI")


def linked(text: str) -> str:
    """Return the text, which may have colours, with hyperlinks."""
    parts = _COLOR.split(text)
    return "".join(part if number % 2 else _TARGET.sub(_link, part) for number, part in enumerate(parts))


def unlinked(text: str) -> str:
    return _SEQUENCE.sub("", text)


def _link(match: re.Match[str]) -> str:
    text = match[0]
    url = text if text.startswith("https://") else _pages().get(text)
    return f"\x1b]8;;{url}\x1b\\{text}\x1b]8;;\x1b\\" if url else text


@cache
def _pages() -> dict[str, str]:
    from podid.pages.index import ENTRIES

    return {entry.id: entry.url for entry in ENTRIES}
