"""Associations as documents and tables. Documents carry every field of the API, under the API's own names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.model import Association, AssociationSummary, UnreadAssociation
from podid.domain.names import Arn, addon_name, role_name, role_path
from podid.ops.association.counts import PodCounts
from podid.ops.association.read import Listed
from podid.render.view import NOTHING, Column, Table, View, age, document, timestamp

if TYPE_CHECKING:
    from podid.render.documents import access as documents

_COLUMNS = (
    Column("NAMESPACE"),
    Column("SERVICE ACCOUNT"),
    Column("ROLE"),
    Column("TARGET ROLE", folds=1),
    Column("OWNER", folds=2),
    Column("CREATED", folds=3),
    Column("ASSOCIATION ID", wide=True),
    Column("SESSION TAGS", wide=True),
    Column("SESSION POLICY", wide=True),
    Column("NOT READ", wide=True),
)
_POD_COLUMNS = (Column("PODS", right=True), Column("STALE", right=True))


def association_body(association: Association) -> documents.AssociationBody:
    """EKS's PodIdentityAssociation member for member; null where the API has none."""
    return {
        "clusterName": association.cluster_name,
        "namespace": association.namespace,
        "serviceAccount": association.service_account,
        "roleArn": association.role_arn,
        "associationArn": association.association_arn,
        "associationId": association.association_id,
        "tags": association.tags,
        "createdAt": timestamp(association.created_at),
        "modifiedAt": timestamp(association.modified_at),
        "ownerArn": association.owner_arn,
        "disableSessionTags": association.disable_session_tags,
        "targetRoleArn": association.target_role_arn,
        "externalId": association.external_id,
        "policy": association.policy,
    }


def listed_body(
    item: Listed, counts: PodCounts | None = None
) -> documents.ListedAssociationBody | documents.UnreadAssociationBody:
    """An item of the list: of one that could not be read, what the list itself tells, and why there is no more."""
    if isinstance(item, Association):
        pods: documents.PodCountsBody | None = None
        if counts is not None:
            pods = {"running": counts.running, "stale": counts.stale}
        return {**association_body(item), "pods": pods}
    summary = item.summary
    return {
        "clusterName": summary.cluster_name,
        "namespace": summary.namespace,
        "serviceAccount": summary.service_account,
        "associationArn": summary.association_arn,
        "associationId": summary.association_id,
        "ownerArn": summary.owner_arn,
        "unread": {"reason": item.reason, "permission": item.permission or None},
    }


def association_list_view(
    associations: Sequence[Listed],
    clusters: Sequence[str],
    now: datetime,
    counts: Mapping[str, PodCounts] | None = None,
    *,
    short: bool,
) -> View:
    """`short` writes roles by name, for a person; machines always get full ARNs. `counts` are of the running pods, by
    the association's id, where somebody asked for them. Of several `clusters` each row begins with its own."""
    several, pods = len(clusters) > 1, counts or {}
    body: documents.AssociationListDocument = {
        "kind": "AssociationList",
        "clusterName": None if several else clusters[0],
        "items": [listed_body(item, pods.get(item.association_id)) for item in associations],
    }
    places = tuple((_cluster_name(item, clusters),) if several else () for item in associations)
    rows = tuple(_listed_row(item, now, short=short) for item in associations)
    at = 3 if several else 2
    table = Table(
        (*((Column("CLUSTER"),) if several else ()), *_COLUMNS, *(_POD_COLUMNS if counts is not None else ())),
        tuple(
            (*place, *row, *(_pod_cells(pods.get(item.association_id)) if counts is not None else ()))
            for place, row, item in zip(places, rows, associations, strict=True)
        ),
        styles={
            (number, at): "warn" for number, item in enumerate(associations) if isinstance(item, UnreadAssociation)
        },
        empty=f"no pod identity associations in cluster {', '.join(clusters)}",
    )
    return View(
        document(body),
        (table,),
        tuple("/".join((*place, str(item.ref))) for place, item in zip(places, associations, strict=True)),
    )


def _cluster_name(item: Listed, clusters: Sequence[str]) -> str:
    """With its region where that is not the only cluster of the name."""
    known = item.summary if isinstance(item, UnreadAssociation) else item
    name = known.cluster_name
    return name if clusters.count(name) < 2 else f"{name} ({Arn.parse(known.association_arn).region})"


def _listed_row(item: Listed, now: datetime, *, short: bool) -> tuple[str, ...]:
    if isinstance(item, Association):
        return (*_row(item, now, short=short), NOTHING)
    who = (item.ref.namespace, item.ref.name, "not read", NOTHING)
    return (*who, owner_name(item.summary), NOTHING, item.association_id, NOTHING, NOTHING, item.reason)


def _pod_cells(counts: PodCounts | None) -> tuple[str, str]:
    return (NOTHING, NOTHING) if counts is None else (str(counts.running), str(counts.stale))


def _row(association: Association, now: datetime, *, short: bool) -> tuple[str, ...]:
    def role(arn: str | None) -> str:
        if not arn:
            return "-"
        return f"{role_path(arn)}{role_name(arn)}"[1:] if short else arn

    target = association.target_role_arn
    return (
        association.namespace,
        association.service_account,
        role(association.role_arn),
        # a target role is often in another account, which its bare name would hide
        target or "-",
        owner_name(association),
        f"{age(association.created_at, now)} ago" if short else timestamp(association.created_at) or "-",
        association.association_id,
        "on" if association.session_tags else "off",
        "yes" if association.policy else "no",
    )


def owner_name(association: Association | AssociationSummary) -> str:
    """The add-on that owns the association, by name, or `-`."""
    if not association.owner_arn:
        return "-"
    name = addon_name(association.owner_arn)
    return name if name == association.owner_arn else f"add-on {name}"


def facts(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """`name  value` lines, aligned, for one thing shown to a person; none for what has no value."""
    shown = [(name, value) for name, value in pairs if value != NOTHING]
    width = max((len(name) for name, _ in shown), default=0)
    return [f"{name.ljust(width)}  {value}" for name, value in shown]


def association_facts(association: Association, now: datetime) -> list[tuple[str, str]]:
    pairs = [
        ("service account", str(association.ref)),
        ("cluster", association.cluster_name),
        ("role", association.role_arn),
    ]
    if association.target_role_arn:
        pairs += [("target role", association.target_role_arn), ("external id", association.external_id or "-")]
    pairs += [
        ("session tags", "on" if association.session_tags else "off"),
        ("session policy", association.policy or "none"),
        ("owner", owner_name(association)),
        ("association", association.association_id),
        ("created", f"{timestamp(association.created_at) or '-'} ({age(association.created_at, now)} ago)"),
        ("modified", timestamp(association.modified_at) or "-"),
    ]
    if association.tags:
        pairs.append(("tags", ", ".join(f"{key}={value}" for key, value in sorted(association.tags.items()))))
    return pairs


def association_table(association: Association, now: datetime) -> Table:
    """The row that the list has of it."""
    return Table(_COLUMNS, (_listed_row(association, now, short=False),))
