"""Add-ons and the roles of their service accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from podid.domain.members import OR_NULL, About, ArnText, Document, From, Names
from podid.ops.addon.read import AddonMatrix, Mechanism
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
    return View(document(AddonListDocument, found), (Table(shown, rows, empty="the cluster has no add-on"),), names)


def _cell(text: str, seen: bool) -> str:
    """`text`; without any, whether that is so or not known."""
    return text or (NOTHING if seen else "?")


class AddonRowBody(Document):
    addon_name: Annotated[str, From("addon")]
    addon_version: Annotated[str, From("version"), About("What is installed, else what EKS would take.")]
    installed: Annotated[bool, From(lambda row: bool(row.status))]
    status: Annotated[str, OR_NULL, About("EKS's own word.")]
    namespace: str
    service_account: Annotated[str, OR_NULL, About("null for an add-on with none that could be given a role.")]
    supported: Annotated[
        bool | None, About("Whether this version can give it a role; null where that could not be looked at.")
    ]
    recommended_policy_arns: Annotated[Names, From("policies")]
    mechanism: Annotated[
        Mechanism | None, About("How it gets a role now; null where the associations could not be looked at.")
    ]
    role_arn: Annotated[
        ArnText | None, OR_NULL, About("null where it has none, and where that could not be looked at.")
    ]
    association_id: Annotated[str, OR_NULL]
    owner: Annotated[str, OR_NULL, About("The add-on that owns the association; null for one that stands alone.")]


class AddonListDocument(Document, kind="AddonList"):
    """`podid addon list`: a row for each service account of each add-on."""

    cluster_name: Annotated[str, From("cluster")]
    items: Annotated[Sequence[AddonRowBody], From("rows")]
