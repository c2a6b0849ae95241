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
            row.service_account or NOTHING,
            _SUPPORTED[row.supported],
            row.mechanism,
            row.role_arn or NOTHING,
            row.owner or ("nobody" if row.association_id else NOTHING),
            ", ".join(arn.rpartition("/")[2] for arn in row.policies) or NOTHING,
            row.association_id or NOTHING,
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
