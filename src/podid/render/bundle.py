"""What is in a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from podid.domain.text import count_of
from podid.render.view import Table, View, columns, document

if TYPE_CHECKING:
    from podid.render.documents import reports as documents

_WHAT = {
    "snapshot.json": "what was read, for podid doctor --from",
    "report.json": "what the doctor finds in it",
    "versions.json": "podid, Python and the system",
}


def bundle_view(
    file: str, files: Mapping[str, str], contents: Sequence[str], *, accounts: int, external_ids: int
) -> View:
    body: documents.BundleDocument = {
        "kind": "Bundle",
        "file": file,
        "items": [{"name": name, "bytes": len(text.encode()), "what": _WHAT[name]} for name, text in files.items()],
        "contents": contents,
        "redacted": {"accounts": accounts, "externalIds": external_ids},
    }
    rows = tuple((name, str(len(text.encode())), _WHAT[name]) for name, text in files.items())
    lines = (
        *(f"  {name}  {size} bytes: {what}" for name, size, what in rows),
        "in it:",
        *(f"  {words}" for words in contents),
        f"replaced: {count_of(accounts, 'account')}, {count_of(external_ids, 'external id')}",
    )
    return View(document(body), (Table(columns("NAME", "BYTES", "WHAT"), rows),), tuple(files), lines)
