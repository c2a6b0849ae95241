"""Add-ons and the roles of their service accounts."""

from __future__ import annotations

from podid.ops.addon.read import AddonMatrix
from podid.render.view import NOTHING, Column, View, document, table_of

_SUPPORTED = {True: "yes", False: "no", None: "?"}


def addon_list_view(found: AddonMatrix) -> View:
    table = table_of(
        found.rows,
        ("ADD-ON", "addon"),
        ("VERSION", "version"),
        ("STATUS", lambda row: row.status or "not installed"),
        ("SERVICE ACCOUNT", lambda row: _cell(row.service_account, row.supported is not None)),
        ("SUPPORTED", lambda row: _SUPPORTED[row.supported]),
        ("MECHANISM", lambda row: row.mechanism or "?"),
        (
            Column("ROLE", folds=3),
            lambda row: _cell(row.role_arn, row.mechanism is not None and not row.association_id),
        ),
        (
            Column("OWNER", folds=1),
            lambda row: _cell(row.owner or ("nobody" if row.association_id else ""), row.mechanism is not None),
        ),
        (
            Column("RECOMMENDED", folds=2),
            lambda row: _cell(", ".join(arn.rpartition("/")[2] for arn in row.policies), row.supported is not None),
        ),
        (Column("ASSOCIATION", wide=True), lambda row: _cell(row.association_id, row.mechanism is not None)),
        (Column("NAMESPACE", wide=True), "namespace"),
        empty="the cluster has no add-on",
    )
    names = tuple(dict.fromkeys(row.addon for row in found.rows))
    return View(document(AddonMatrix, found), (table,), names)


def _cell(text: str, seen: bool) -> str:
    """`text`; without any, whether that is so or not known."""
    return text or (NOTHING if seen else "?")
