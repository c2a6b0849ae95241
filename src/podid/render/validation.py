"""The view of validated files."""

from collections.abc import Iterator

from podid.domain.text import count_of
from podid.ops.declare.files import ValidatedFile, ValidatedFiles
from podid.render.view import Column, Line, View, document, table_of


def validation_view(files: ValidatedFiles) -> View:
    """Return a row for each mistake, and one for each valid file."""
    rows = [
        (_file(item), "valid" if item.valid else "mistake", text)
        for item in files.items
        for text in item.mistakes or (_names(item),)
    ]
    table = table_of(
        rows,
        ("FILE", lambda row: row[0]),
        ("STATE", lambda row: row[1]),
        (Column("DETAIL", prose=True), lambda row: row[2]),
    )
    names = tuple(item.file for item in files.items if not item.valid)
    return View(document(ValidatedFiles, files), (table,), names, tuple(_lines(files)))


def _lines(files: ValidatedFiles) -> Iterator[str | Line]:
    for item in files.items:
        if item.valid:
            yield Line(f"✓ {_file(item)}  {_names(item)}", "good")
        # each begins with the name of its file
        yield from (Line(f"✗ {mistake}", "bad", hang=2) for mistake in item.mistakes)


def _file(item: ValidatedFile) -> str:
    return "standard input" if item.file == "-" else item.file


def _names(item: ValidatedFile) -> str:
    if not item.declarations:
        return "a guard"
    return f"{count_of(len(item.declarations), 'declaration')}: {', '.join(item.declarations)}"
