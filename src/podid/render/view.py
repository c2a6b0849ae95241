"""What a result looks like, before any format is chosen: a JSON document and a table, both plain data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, cast, overload

from podid.render import sanitize

API_VERSION = "podid/v1"

# a cell of a table that has no value
NOTHING = "-"

# what a finding of that severity is drawn as
SEVERITY = {"error": "bad", "warn": "warn", "info": "dim"}

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
Document = dict[str, Json]


S = TypeVar("S")
T = TypeVar("T", covariant=True)


class Items(Sequence[T]):
    """Members of a document, each made when it is read, and anew each time: all of them at once take ten times the room
    of their text."""

    def __init__(self, source: Sequence[S], make: Callable[[S], T]) -> None:
        self._source: Sequence[Any] = source
        self._make: Callable[[Any], T] = make

    def __len__(self) -> int:
        return len(self._source)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        if isinstance(place, slice):
            return [self._make(item) for item in self._source[place]]
        return self._make(self._source[place])


@dataclass(frozen=True, slots=True)
class Column:
    """`wide` columns show with -o wide and in CSV, never in a plain table. `prose` may be wrapped at words. Where a
    terminal is too narrow, the column that `folds` most goes below its row first. `nothing` is a value that tells as
    little as an empty cell: a column of nothing else is not drawn."""

    title: str
    wide: bool = False
    right: bool = False
    prose: bool = False
    folds: int = 0
    nothing: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells are plain text; the writer escapes them. `styles` names a cell's meaning: good (in order), bad (broken,
    failed, deleted), warn (to be looked at, or unknown), dim (no matter)."""

    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, ...]]
    styles: Mapping[tuple[int, int], str] = field(default_factory=dict)
    title: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line for a person, whatever its text holds: the writer makes the control characters in it visible. `style`, a
    cell's, is for its first `upto` characters, or for all of it."""

    text: str
    style: str = ""
    upto: int | None = None


@dataclass(frozen=True, slots=True)
class View:
    """`names` is what -o name prints, one a line. `lines` replace the tables where a person needs sentences; CSV is
    their first one all the same."""

    document: Document
    tables: tuple[Table, ...] = ()
    names: tuple[str, ...] = ()
    lines: tuple[str | Line, ...] = ()
    markdown: bool = False

    @property
    def text(self) -> str:
        """The lines of a pipe or a log, without colour."""
        return "".join(f"{sanitize.line(item.text if isinstance(item, Line) else item)}\n" for item in self.lines)

    @property
    def empty(self) -> str:
        """What is to be said of a result that holds nothing; empty where it holds something."""
        if self.lines or not self.tables or any(table.rows for table in self.tables):
            return ""
        return self.tables[0].empty


def columns(*titles: str) -> tuple[Column, ...]:
    return tuple(Column(title) for title in titles)


def document(body: Mapping[str, object]) -> Document:
    """The document of a view, of one of the types in `podid.render.documents`. Its Items stay what they are, for
    `json_pieces`; `plain` makes lists of them."""
    members = {key: cast("Json", value) if isinstance(value, Items) else plain(value) for key, value in body.items()}
    return {"apiVersion": API_VERSION, **members}


def plain(value: object) -> Json:
    """The same in JSON's own types: no writer has to know enums, tuples or mappings of our own."""
    if value is None or type(value) in (str, bool, int, float):
        return cast("Json", value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise TypeError(f"JSON has nothing for a {type(value).__name__}")


@overload
def timestamp(moment: datetime) -> str: ...
@overload
def timestamp(moment: datetime | None) -> str | None: ...
def timestamp(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC; whole seconds print without a fraction."""
    if moment is None:
        return None
    utc = moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond else "seconds").replace("+00:00", "Z")


def age(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the one unit that a person needs: 42s, 7m, 3h, 12d."""
    if moment is None:
        return "-"
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
