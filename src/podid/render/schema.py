"""The JSON Schema of a declaration, as tools/gen_docs.py generates it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from podid.domain.declaration import DECLARATION_KIND
from podid.domain.members import About, Document
from podid.render.view import Line, Table, View, columns, document

_FILE = Path(__file__).parent.parent / "schemas" / f"{DECLARATION_KIND}.json"


class SchemaDocument(Document, kind="Schema"):
    """`podid schema`."""

    name: Annotated[str, About("The kind of file that the schema describes.")]
    schema: Annotated[Mapping[str, object], About("JSON Schema, draft 2020-12.")]


def schema_view() -> View:
    text = _FILE.read_text(encoding="utf-8")
    body = document(SchemaDocument, name=DECLARATION_KIND, schema=json.loads(text))
    lines = tuple(Line(line, code=True) for line in text.splitlines())
    table = Table(columns("NAME"), ((DECLARATION_KIND,),))
    return View(body, (table,), (DECLARATION_KIND,), lines, exact=True, file=True)
