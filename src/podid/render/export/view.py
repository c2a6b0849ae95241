"""The view of an export: its text, which is also in the document."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from podid.domain.declaration import Declaration
from podid.domain.members import About, Document
from podid.ops.declare.export import LiveIdentities, declared
from podid.ops.declare.request import Form
from podid.render.declaration import declaration_text
from podid.render.export import aws, kubernetes, terraform
from podid.render.export.parts import FormText, comments, head
from podid.render.view import Column, Line, Table, View, document


class ExportDocument(Document, kind="Export"):
    """`podid export` and `podid convert`."""

    form: Form
    text: Annotated[str, About("The text of the file.")]
    notes: Annotated[list[str], About("Facts that the form cannot express.")]


def _declaration(identities: LiveIdentities) -> FormText:
    top = head(identities, "podid plan -f FILE compares it", notes=identities.notes)
    return FormText(declaration_text(declared(identities), top), identities.notes)


_WRITERS: Mapping[Form, Callable[[LiveIdentities], FormText]] = {
    "podid": _declaration,
    "terraform": terraform.write_terraform,
    "terraform-module": terraform.write_terraform_module,
    "cloudformation": aws.write_cloudformation,
    "eksctl": kubernetes.write_eksctl,
    "ack": kubernetes.write_ack,
    "crossplane": kubernetes.write_crossplane,
    "pulumi": terraform.write_pulumi,
    "aws-cli": aws.write_aws_cli,
}


def export_text(form: Form, identities: LiveIdentities) -> FormText:
    return _WRITERS[form](identities)


def export_view(form: Form, identities: LiveIdentities) -> View:
    rows = [("association", str(item.ref)) for item in identities.associations]
    rows += [("role", role.name) for role in identities.roles]
    nothing = "nothing to export: there is no association, and no role that podid created"
    return _view(form, export_text(form, identities), rows, () if rows else (nothing,))


def convert_view(declarations: Sequence[Declaration]) -> View:
    """Return declarations as one file, a document each."""
    texts = [
        declaration_text(item, comments(f"note: {note}" for note in item.notes), first=not number)
        for number, item in enumerate(declarations)
    ]
    notes = tuple(note for item in declarations for note in item.notes)
    rows = [("association", row.service_account) for item in declarations for row in item.associations]
    rows += [("role", role.name) for item in declarations for role in item.roles]
    return _view("podid", FormText("---\n".join(texts), notes), rows)


def _view(form: Form, written: FormText, rows: Sequence[tuple[str, str]], remarks: Sequence[str] = ()) -> View:
    body = document(ExportDocument, form=form, text=written.text, notes=list(written.notes))
    table = Table((Column("KIND"), Column("NAME")), tuple(rows))
    lines = tuple(Line(line, code=True) for line in written.text.split("\n")[:-1])
    names, notes = tuple(name for _, name in rows), tuple(f"note: {note}" for note in (*written.notes, *remarks))
    return View(body, (table,), names, lines, exact=True, file=True, notes=notes)
