"""The view of an export: its text, which is also in the document."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, cast

from podid.domain.members import About, Document
from podid.ops.export.declared import declared
from podid.ops.export.live import LiveIdentities
from podid.ops.export.request import OWN_FORM, Form
from podid.render.declaration import declaration_text
from podid.render.export.parts import FormText, Writer, head
from podid.render.view import Column, Line, Table, View, document


class ExportDocument(Document, kind="Export"):
    """`podid export` and `podid convert`."""

    form: Form
    text: Annotated[str, About("The text of the file.")]
    notes: Annotated[list[str], About("Facts that the form cannot express.")]


def export_text(form: Form, identities: LiveIdentities) -> FormText:
    if form == OWN_FORM:
        return _own(identities)
    module = import_module(f"podid.render.export.{form.replace('-', '_')}")
    return cast("Writer", module.write)(identities)


def _own(identities: LiveIdentities) -> FormText:
    top = head(identities, "podid plan -f FILE compares it", notes=identities.notes)
    return FormText(declaration_text(declared(identities), top), identities.notes)


def export_view(form: Form, written: FormText, identities: LiveIdentities) -> View:
    body = document(ExportDocument, form=form, text=written.text, notes=list(written.notes))
    rows = [("association", str(item.ref)) for item in identities.associations]
    rows += [("role", role.name) for role in identities.roles]
    table = Table((Column("KIND"), Column("NAME")), tuple(rows))
    lines = tuple(Line(line, code=True) for line in written.text.split("\n")[:-1])
    return View(body, (table,), tuple(name for _, name in rows), lines, exact=True)
