"""Convert a view to the text of one format. Pure, except for the lazy import of the format's library."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING

from podid.domain.encoding import Items, Json, JsonObject, plain
from podid.domain.errors import InvalidInput, UsageError
from podid.render import sanitize
from podid.render.view import NOTHING, Table, View, columns

if TYPE_CHECKING:
    import yaml

_HEAD = ("apiVersion", "kind")


class Format(StrEnum):
    """-o / --output."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    JSONL = "jsonl"
    YAML = "yaml"
    CSV = "csv"
    NAME = "name"


# with these, a query has nothing to select from
_WITHOUT_VALUES = (Format.CSV, Format.NAME)
# with these, errors are documents too
DOCUMENTS = (Format.JSON, Format.JSONL)


class Report(StrEnum):
    """Further formats of -o for the report of podid doctor."""

    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    MARKDOWN = "markdown"
    HTML = "html"


class Drawing(StrEnum):
    """Further formats of -o for podid graph."""

    DOT = "dot"
    MERMAID = "mermaid"
    HTML = "html"


OutputFormat = Format | Report | Drawing
# the commands with further formats
_FURTHER: Mapping[type[Report] | type[Drawing], tuple[str, ...]] = {
    Report: ("podid doctor", "podid audit"),
    Drawing: ("podid graph",),
}


def to_text(view: View, fmt: Format, query: str | None = None) -> str:
    """Return stdout for every format except a table on a terminal, which `screen` draws."""
    value: Json = view.document
    if query is not None:
        from podid.render.query import search

        value = search(query, plain(value))
    match fmt:
        case Format.JSON:
            return to_json(value)
        case Format.JSONL:
            return to_jsonl(value)
        case Format.YAML:
            return to_yaml(plain(value))
        case _ if query is not None:
            return "".join(map(_text_row, value if isinstance(value, list | tuple) else [value]))
        case Format.CSV:
            return to_csv(view)
        case Format.NAME:
            return "".join(f"{sanitize.tsv(name)}\n" for name in view.names)
        case Format.TABLE | Format.WIDE:
            return view.text or to_tsv(view.tables, wide=fmt is Format.WIDE)


def to_json(value: Json) -> str:
    return "".join(json_pieces(value))


def json_pieces(value: Json) -> Iterator[str]:
    """Yield the text of a document, one member or item at a time."""
    if not isinstance(value, Mapping) or not any(isinstance(member, Items) for member in value.values()):
        yield _encoded(value) + "\n"
        return
    for number, (key, member) in enumerate(value.items()):
        yield ("," if number else "{") + f"\n  {_encoded(key)}: "
        if isinstance(member, Items) and member:
            for place, item in enumerate(member):
                yield ("," if place else "[") + "\n    " + _encoded(item).replace("\n", "\n    ")
            yield "\n  ]"
        else:
            yield _encoded(member).replace("\n", "\n  ")
    yield "\n}\n"


def _encoded(value: Json) -> str:
    pieces = json.JSONEncoder(ensure_ascii=True, indent=2, default=plain).iterencode(value)
    # in portions: the pieces of a large document need ten times the memory of their text
    return _inert("".join(iter(lambda: "".join(islice(pieces, 10_000)), "")))


def _inert(text: str) -> str:
    """Return the text without commands of CI runners. As ASCII it has no control or bidi characters."""
    return text.replace("##", "#\\u0023")


def to_jsonl(value: Json) -> str:
    items = value.get("items") if isinstance(value, Mapping) else value
    if isinstance(items, Items | list | tuple):
        return "".join(map(jsonl_line, items))
    return jsonl_line(value)


def jsonl_line(value: object) -> str:
    return _inert(json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=plain)) + "\n"


# read as text by PyYAML, which does not quote them, and not by every other reader: 1e3, 1.2.3, the account 089111122223
_NOT_TEXT = re.compile(r"[-+]?(?:[0-9][0-9_:]*|0o[0-9_]+|\.?[0-9][0-9_]*(?:[.eE][-+0-9_.eE]*)?)|[yYnN]")


def to_yaml(value: Json, quoted: Callable[[str], bool] = lambda text: False) -> str:
    """Put a string in double quotes if it is `quoted`, has several lines or a command of a CI runner."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: object) -> bool:
            return True  # CloudFormation, and podid's own files, accept no aliases

    def represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        unsafe = text != sanitize.line(text) or "##" in text or text.lstrip().startswith("::")
        style = '"' if unsafe or quoted(text) else "'" if _NOT_TEXT.fullmatch(text) else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent)
    text = yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=False, width=1_000_000)
    return text.replace("##", "#\\x23")


def to_csv(view: View) -> str:
    """Return all columns of the first table, or the document as one row, with a header: RFC 4180 with plain newlines. A
    missing value is empty."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    table = view.tables[0] if view.tables else _as_table(view.document)
    if table.titled:
        writer.writerow([column.title.lower().replace(" ", "_") for column in table.columns])
    writer.writerows([["" if cell == NOTHING else sanitize.csv_cell(cell) for cell in row] for row in table.rows])
    return out.getvalue()


def _as_table(whole: JsonObject) -> Table:
    facts = {
        key: NOTHING if value is None else _text_cell(plain(value)) for key, value in whole.items() if key not in _HEAD
    }
    return Table(columns(*facts), (tuple(facts.values()),))


def to_tsv(tables: tuple[Table, ...], *, wide: bool) -> str:
    """Return rows without a header, for cut, awk and read; a blank line between tables."""
    blocks = []
    for table in tables:
        shown = [index for index, column in enumerate(table.columns) if column.shown(wide=wide)]
        blocks.append("".join("\t".join(sanitize.tsv(row[index]) for index in shown) + "\n" for row in table.rows))
    return "\n".join(block for block in blocks if block)


def check_query(query: str | None, fmt: OutputFormat) -> None:
    """Raise UsageError for an invalid expression, or for a format that has no values to query."""
    if query is None:
        return
    if not isinstance(fmt, Format) or fmt in _WITHOUT_VALUES:
        raise UsageError(f"--query cannot be combined with -o {fmt}; use -o json, jsonl, yaml or table")
    from podid.render.query import check

    check(query)


def _text_row(row: Json) -> str:
    """Return a row like the text output of the AWS CLI: tabs between values, `None` for null."""
    cells = row if isinstance(row, list | tuple) else list(row.values()) if isinstance(row, Mapping) else [row]
    return "\t".join(sanitize.tsv(_text_cell(cell)) for cell in cells) + "\n"


def _text_cell(cell: Json) -> str:
    if isinstance(cell, str):
        return cell
    if cell is None:
        return "None"
    return json.dumps(cell, ensure_ascii=True, separators=(",", ":"))


def has_use(text: str, query: str | None, further: Iterable[Report | Drawing] = ()) -> bool:
    """Return whether a command with the formats `further` has a use for a default: not for a format that only other
    commands write, nor with a query for one without values. A name that is no format counts, as it must be refused."""
    if query is not None and (text in _WITHOUT_VALUES or _owners(text)):
        return False
    return text in (*Format, *further) or not _owners(text)


def _owners(text: str) -> list[str]:
    return [command for forms, commands in _FURTHER.items() if text in tuple(forms) for command in commands]


def parse_format(text: str, further: Iterable[Report | Drawing] = ()) -> OutputFormat:
    """Return the format of that name, one of podid's own or one of `further`."""
    names: tuple[OutputFormat, ...] = (*Format, *further)
    if text in names:
        return next(name for name in names if name == text)
    if owners := _owners(text):
        verb = "supports" if len(owners) == 1 else "support"
        *others, last = owners
        only = f"{', '.join(others)} and {last}" if others else last
        raise InvalidInput(f"Only {only} {verb} the output format {text}", subject=text)
    raise InvalidInput(f"{text!r} is not an output format: {', '.join(names)}", subject=text)
