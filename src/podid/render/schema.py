"""The JSON Schemas that podid itself uses, as tools/gen_docs.py generates them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from podid.domain.declaration import DECLARATION_KIND
from podid.domain.members import About, Document
from podid.render.view import Line, Table, View, columns, document

_PACKAGE = Path(__file__).resolve().parent.parent
# the build puts schemas into the package; a checkout has them only in the documentation
_FOLDERS = (_PACKAGE / "schemas", _PACKAGE.parent.parent / "docs" / "reference" / "json")


class SchemaDocument(Document, kind="Schema"):
    """`podid schema`."""

    name: Annotated[str, About("The kind of file that the schema describes.")]
    schema: Annotated[Mapping[str, object], About("JSON Schema, draft 2020-12.")]


def schema_text(kind: str) -> str:
    """Return the schema of a document, or of a declaration."""
    folder = next(folder for folder in _FOLDERS if folder.is_dir())
    return (folder / f"{kind}.json").read_text(encoding="utf-8")


def schema_view() -> View:
    text = schema_text(DECLARATION_KIND)
    body = document(SchemaDocument, name=DECLARATION_KIND, schema=json.loads(text))
    lines = tuple(Line(line, code=True) for line in text.splitlines())
    table = Table(columns("NAME"), ((DECLARATION_KIND,),))
    return View(body, (table,), (DECLARATION_KIND,), lines, exact=True, file=True)
