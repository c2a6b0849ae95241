"""A result before a format is chosen: a JSON document and tables or lines, as data."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from podid.domain.encoding import JsonObject, encode, getter
from podid.domain.members import API_VERSION, KINDS
from podid.render import sanitize

# a cell without a value
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Column:
    """A `wide` column is shown with -o wide and in CSV only; `prose` may be wrapped. On a narrow terminal the columns
    with the highest `folds` move below their row first. A column of only empty cells and `nothing` is omitted."""

    title: str
    wide: bool = False
    right: bool = False
    prose: bool = False
    folds: int = 0
    nothing: str = ""

    def holds(self, cell: str) -> bool:
        """Return whether the cell has a value to print."""
        return cell not in (NOTHING, self.nothing, "")


@dataclass(frozen=True, slots=True)
class Table:
    """Cells are plain text; the writer escapes them. `styles` has the meaning of a cell: good (in order), bad (broken,
    failed, deleted), warn (a warning, or unknown), dim (details)."""

    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, ...]]
    styles: Mapping[tuple[int, int], str] = field(default_factory=dict)
    empty: str = ""
    titled: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text; the writer escapes control characters in it. `style`, as of a cell, applies to the first `upto`
    characters, or to all. If the line is wrapped, further lines begin at column `hang`. `code` is copied: no name in it
    is shortened, and only a command is broken. `only` is where the line is shown: "full" in a pipe, with -o wide and
    with -v; "short" on any other terminal."""

    text: str
    style: str = ""
    upto: int | None = None
    hang: int | None = None
    code: bool = False
    only: Literal["full", "short", ""] = ""


def is_only(line: str | Line, where: str) -> bool:
    return isinstance(line, Line) and line.only == where


@dataclass(frozen=True, slots=True)
class View:
    """`names` is the output of -o name, one a line. `lines` replace the tables in text formats; CSV still uses the
    first table. With `exact` a terminal too shows names in full. `widest` is for prose. The lines of a `file` are not
    wrapped, because users may copy them. `drawings` return the text of further formats by their name. `notes` are
    remarks for stderr. `silent` is the message on stderr of a result whose text is empty. `unread` are sentences about
    parts that could not be read: the document and `lines` contain them, and with every other format they are printed to
    stderr."""

    document: JsonObject
    tables: tuple[Table, ...] = ()
    names: tuple[str, ...] = ()
    lines: tuple[str | Line, ...] = ()
    exact: bool = False
    widest: int | None = None
    file: bool = False
    drawings: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    notes: tuple[str | Line, ...] = ()
    unread: tuple[str, ...] = ()
    silent: str = ""

    @property
    def untitled(self) -> "View":
        """Return the view without the titles of its columns."""
        return replace(self, tables=tuple(replace(table, titled=False) for table in self.tables))

    @property
    def text(self) -> str:
        """Return the lines for a pipe or a log, without colour."""
        texts = (item.text if isinstance(item, Line) else item for item in self.lines if not is_only(item, "short"))
        return "".join(f"{sanitize.line(text)}\n" for text in texts)

    @property
    def empty(self) -> str:
        """Return the message for an empty result; empty if the result has items."""
        if self.lines or not self.tables or any(table.rows for table in self.tables):
            return ""
        return self.tables[0].empty


def columns(*titles: str) -> tuple[Column, ...]:
    return tuple(Column(title) for title in titles)


def table_of(items: Sequence[Any], *cells: Any, empty: str = "", unread: object = ()) -> Table:
    """Return a row for each item. Each of `cells` is a column or its title, the source of its text (attributes with
    dots between them, or a function; None is NOTHING), and optionally a function that returns the style. `empty` is the
    message for no item; it says that the result is incomplete if there is something `unread`."""
    parts = [(*cell, None) if len(cell) == 2 else cell for cell in cells]
    getters = [getter(source) for _, source, _ in parts]
    rows = tuple(tuple(NOTHING if (value := get(item)) is None else str(value) for get in getters) for item in items)
    styled = [(place, style) for place, (_, _, style) in enumerate(parts) if style is not None]
    styles = {(number, place): style(item) for number, item in enumerate(items) for place, style in styled}
    titles = (Column(column) if isinstance(column, str) else column for column, _, _ in parts)
    empty += " (incomplete: not everything could be read)" if empty and unread else ""
    return Table(tuple(titles), rows, styles, empty=empty)


def facts(pairs: Sequence[tuple[str, str]], usual: Collection[tuple[str, str]] = ()) -> list[str | Line]:
    """Return `name  value` lines, aligned; none for a name without a value. A terminal omits `usual` ones."""
    shown = [(name, value) for name, value in pairs if value != NOTHING]
    width = max((len(name) for name, _ in shown), default=0)
    return [
        Line(f"{name:<{width}}  {value}", hang=width + 2, only="full" if (name, value) in usual else "")
        for name, value in shown
    ]


def document(shape: Any, result: object = None, **values: object) -> JsonObject:
    """Return the document of a kind (its class) for a result, with `values` for members by the names of the
    annotations. Listed objects are Items, for `json_pieces`; `plain` converts them to lists."""
    kind = next(name for name, cls in KINDS.items() if cls is shape)
    return {"apiVersion": API_VERSION, "kind": kind, **encode(shape, result, **values)}


def one_or_list(one: Any, several: Any, results: Sequence[object]) -> JsonObject:
    """Return the document of the only result, else the list of all."""
    return document(one, results[0]) if len(results) == 1 else document(several, items=results)


def sentence(text: str, name: str = "") -> str:
    """Return the text as a sentence. A first word that is a name, such as `name`, keeps its spelling."""
    first = text.split(" ", 1)[0]
    kept = not (first.isalpha() or first == "add-on") or first in ("podid", name)
    whole = text if kept else text[:1].upper() + text[1:]
    return whole if whole.endswith((".", "?", "!")) else f"{whole}."


def age(moment: datetime | None, now: datetime) -> str:
    """Return how long ago, in one unit: 42s, 7m, 3h, 12d."""
    if moment is None:
        return "-"
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def part_of(view: View) -> JsonObject:
    """Return the document of a view as a part of another document."""
    return {key: value for key, value in view.document.items() if key != "apiVersion"}
