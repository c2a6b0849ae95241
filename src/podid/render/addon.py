"""Add-ons and the roles of their service accounts."""

from __future__ import annotations

from podid.ops.addon.read import AddonMatrix
from podid.render.view import NOTHING, Column, Table, View, columns, document

_SUPPORTED = {True: "yes", False: "no", None: "?"}


def addon_list_view(found: AddonMatrix) -> View:
    rows = tuple(
        (
            row.addon,
            row.version,
            row.status or "not installed",
            _cell(row.service_account, row.supported is not None),
            _SUPPORTED[row.supported],
            _cell(row.mechanism or "", False),
            _cell(row.role_arn, row.mechanism is not None and not row.association_id),
            _cell(row.owner or ("nobody" if row.association_id else ""), row.mechanism is not None),
            _cell(", ".join(arn.rpartition("/")[2] for arn in row.policies), row.supported is not None),
            _cell(row.association_id, row.mechanism is not None),
            row.namespace,
        )
        for row in found.rows
    )
    shown = (
        *columns("ADD-ON", "VERSION", "STATUS", "SERVICE ACCOUNT", "SUPPORTED", "MECHANISM"),
        Column("ROLE", folds=3),
        Column("OWNER", folds=1),
        Column("RECOMMENDED", folds=2),
        Column("ASSOCIATION", wide=True),
        Column("NAMESPACE", wide=True),
    )
    names = tuple(dict.fromkeys(row.addon for row in found.rows))
    return View(document(AddonMatrix, found), (Table(shown, rows, empty="the cluster has no add-on"),), names)


def _cell(text: str, seen: bool) -> str:
    """`text`; without any, whether that is so or not known."""
    return text or (NOTHING if seen else "?")
