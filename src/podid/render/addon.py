"""Add-ons and the roles of their service accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podid.ops.addon.read import AddonMatrix
from podid.render.view import NOTHING, Column, Table, View, columns, document

if TYPE_CHECKING:
    from podid.render.documents import agent as documents

_SUPPORTED = {True: "yes", False: "no", None: "?"}


def addon_list_view(found: AddonMatrix) -> View:
    items: list[documents.AddonRowBody] = [
        {
            "addonName": row.addon,
            "addonVersion": row.version,
            "installed": bool(row.status),
            "status": row.status or None,
            "namespace": row.namespace,
            "serviceAccount": row.service_account or None,
            "supported": row.supported,
            "recommendedPolicyArns": row.policies,
            "mechanism": row.mechanism,
            "roleArn": row.role_arn or None,
            "associationId": row.association_id or None,
            "owner": row.owner or None,
        }
        for row in found.rows
    ]
    body: documents.AddonListDocument = {"kind": "AddonList", "clusterName": found.cluster, "items": items}
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
    return View(document(body), (Table(shown, rows, empty="the cluster has no add-on"),), names)


def _cell(text: str, seen: bool) -> str:
    """`text`; without any, whether that is so or not known."""
    return text or (NOTHING if seen else "?")
