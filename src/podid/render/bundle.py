"""The contents of a bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from podid.domain.members import About, Document
from podid.domain.text import count_of
from podid.ops.doctor.bundle import Redacted
from podid.render.view import Table, View, columns, document

_WHAT = {
    "snapshot.json": "the data that was read, for podid doctor --from",
    "report.json": "the report of podid doctor",
    "versions.json": "versions of podid, Python and the operating system",
}


@dataclass(frozen=True, slots=True)
class BundleFile:
    name: str
    bytes: int
    what: str


class BundleDocument(Document, kind="Bundle"):
    """`podid bundle`."""

    file: str
    items: Sequence[BundleFile]
    contents: Annotated[Sequence[str], About("The kinds of data in it.")]
    redacted: Annotated[Redacted, About("The number of redacted values. A value has the same replacement everywhere.")]


def bundle_view(file: str, files: Mapping[str, str], contents: Sequence[str], redacted: Redacted) -> View:
    items = [BundleFile(name, len(text.encode()), _WHAT[name]) for name, text in files.items()]
    lines = (
        *(f"  {item.name}  {item.bytes} bytes: {item.what}" for item in items),
        "Contents:",
        *(f"  {words}" for words in contents),
        f"Redacted: {count_of(redacted.accounts, 'account')}, {count_of(redacted.external_ids, 'external id')}",
    )
    body = document(BundleDocument, file=file, items=items, contents=contents, redacted=redacted)
    table = Table(columns("NAME", "BYTES", "WHAT"), tuple((item.name, str(item.bytes), item.what) for item in items))
    return View(body, (table,), tuple(files), lines)
