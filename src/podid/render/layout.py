"""Layout of tables and lines in a terminal without breaking a name: empty columns are omitted and prose is wrapped at
words. If that is not enough, the least needed columns move below their rows."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from podid.render import sanitize
from podid.render.view import Column, Table

GAP = "  "
# prose in a narrower column reads worse than below its row
LEAST_PROSE = 24
COMMAND = re.compile(r"(?:(?:fix|Try|Fix|More|Next):?) +(?=podid |kubectl |aws )")
# a word as shlex.join writes it: pieces in single quotes, in double ones (for a quote), and plain ones
_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")
_MEMBER = re.compile(r'("(?:[^"\\]|\\.)*":) (.+)')
TO_COPY = re.compile(r"""[+-]? *["{}\[\]]|(?!note: )(\w+:? +)?(podid|kubectl|aws|eval) (?!.*[a-z]\.$)""")


@dataclass(frozen=True, slots=True)
class Cell:
    """A text padded to the width of its column, which is the one of this index."""

    text: str
    column: int


@dataclass(frozen=True, slots=True)
class TableLayout:
    """`rows` are the lines of each row, `cells` of each line; a column below its row is a line of one cell, with its
    title."""

    header: tuple[Cell, ...]
    rows: tuple[tuple[tuple[Cell, ...], ...], ...]
    width: int


def lay_out(table: Table, width: int, *, wide: bool) -> TableLayout:
    """Lay out the table; with `wide` the wide columns too."""
    cells = [[sanitize.line(cell) for cell in row] for row in table.rows]
    shown = [
        place
        for place, column in enumerate(table.columns)
        if column.shown(wide=wide) and (place == 0 or any(map(column.holds, (row[place] for row in cells))))
    ]
    natural = {place: max(len(table.columns[place].title), *(len(row[place]) for row in cells)) for place in shown}
    least = {place: _least(table.columns[place], natural[place], [row[place] for row in cells]) for place in shown}
    beside, below = _split(table.columns, shown, least, width)
    sizes = {place: natural[place] for place in beside}
    for place in reversed([place for place in beside if table.columns[place].prose]):
        over = max(_total(sizes.values()) - width, 0)
        sizes[place] = max(sizes[place] - over, least[place])
    rows = tuple(tuple(_row(table.columns, row, beside, below, sizes, width)) for row in cells)
    header = tuple(Cell(table.columns[place].title.ljust(sizes[place]), place) for place in beside)
    return TableLayout(header, rows, _total(sizes.values()))


def _least(column: Column, natural: int, cells: Sequence[str]) -> int:
    """Return the least width of a column; of prose that of its longest word."""
    if not column.prose:
        return natural
    longest = max((len(word) for cell in cells for word in cell.split()), default=0)
    return min(natural, max(LEAST_PROSE, longest))


def _split(
    columns: Sequence[Column], shown: list[int], least: dict[int, int], width: int
) -> tuple[list[int], list[int]]:
    """Return the columns beside each other and those below: first those with the highest `folds`, then from the
    right."""
    beside = list(shown)

    def fits(places: Iterable[int]) -> bool:
        return _total(least[place] for place in places) <= width

    folding = sorted(shown[1:], key=lambda place: (-columns[place].folds, -place))
    for place in folding:
        if fits(beside):
            break
        beside.remove(place)
    for place in reversed(folding):  # after longer columns moved, a shorter one may have room again
        if place not in beside and fits([*beside, place]):
            beside = sorted([*beside, place])
    return beside, [place for place in shown if place not in beside]


def _total(sizes: Iterable[int]) -> int:
    widths = list(sizes)
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _row(
    columns: Sequence[Column],
    row: Sequence[str],
    beside: list[int],
    below: list[int],
    sizes: dict[int, int],
    width: int,
) -> list[tuple[Cell, ...]]:
    wrapped = {
        place: textwrap.wrap(row[place], sizes[place], break_long_words=False, break_on_hyphens=False)
        if columns[place].prose and len(row[place]) > sizes[place]
        else [row[place]]
        for place in beside
    }
    lines = []
    for number in range(max(map(len, wrapped.values()), default=1)):
        line = []
        for place in beside:
            text = wrapped[place][number] if number < len(wrapped[place]) else ""
            line.append(Cell(text.rjust(sizes[place]) if columns[place].right else text.ljust(sizes[place]), place))
        lines.append(tuple(line))
    titles = max((len(columns[place].title) for place in below), default=0)
    for place in below:
        if columns[place].holds(row[place]):
            folded = _folded(columns[place], row[place], titles, width)
            lines += [(Cell(part, place),) for part in folded.split("\n")]
    return lines


def _folded(column: Column, text: str, titles: int, width: int) -> str:
    """Return a cell below its row, with its title."""
    line = f"  {column.title.lower():<{titles}}  {text}"
    hang = titles + 4
    if text.startswith("podid ") and len(line) > width:
        return _wrap_command(line, width, len(line) - len(text) + len("podid "), " " * min(hang, 4))
    if " " not in text and 4 + len(text) <= width < len(line):
        return f"{line[:hang].rstrip()}\n    {text}"
    return wrap_line(line, width, hang) if column.prose or " " in text else line


def wrap_line(line: str, width: int, hang: int | None = None) -> str:
    """Return a sentence wrapped between words. Further lines are indented, at `hang` if they have room there. A name
    longer than the terminal is not broken. Without `hang`, lines of JSON and of diffs are not broken either, because
    users copy them. A command continues after a backslash, as in a shell."""
    content = line.lstrip()
    if len(line) <= width:
        return line
    indent = " " * (len(line) - len(content) + 2)
    if hang is not None and max(map(len, line[hang:].split()), default=0) <= width - hang >= LEAST_PROSE:
        return _filled(line, width, " " * hang)
    if hang is not None and line[:hang].endswith(GAP) and len(line[:hang].rstrip()) <= width:
        return f"{line[:hang].rstrip()}\n{_filled(indent + '  ' + line[hang:], width, indent + '  ')}"
    if hang is not None:
        return _filled(line, width, indent)
    if label := COMMAND.match(content):
        return _wrap_command(line, width, len(line) - len(content) + label.end(), indent)
    if member := _MEMBER.match(content):  # JSON may be broken there
        return f"{line[: len(line) - len(content)]}{member[1]}\n{indent}{member[2]}"
    if TO_COPY.match(content):
        return line
    return _filled(line, width, indent)


def _filled(line: str, width: int, indent: str) -> str:
    return textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def wrap_command(line: str, width: int) -> str:
    """Return a shell line broken so that a shell reads it as one."""
    start = len(line) - len(line.lstrip())
    return line if len(line) <= width else _wrap_command(line, width, start, " " * (start + 2))


def _wrap_command(line: str, width: int, start: int, indent: str) -> str:
    """Break between shell words behind `start`; quoted words stay whole, and values beside their flags."""
    pieces: list[str] = []
    for word in _WORD.findall(line[start:]):
        flag = pieces[-1] if pieces and pieces[-1].startswith("-") and " " not in pieces[-1] else ""
        if flag and not word.startswith("-") and len(f"{indent}{flag} {word} \\") <= width:
            pieces[-1] = f"{flag} {word}"
        else:
            pieces.append(word)
    rows = [line[:start] + pieces[0]]
    for piece in pieces[1:]:
        if len(rows[-1]) + len(piece) + len("  \\") <= width:
            rows[-1] += f" {piece}"
        else:
            rows.append(f"{indent}{piece}")
    return " \\\n".join(rows)
