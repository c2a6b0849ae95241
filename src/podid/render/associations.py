"""Associations as documents and tables. Documents carry every field of the API, under the API's own names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.aws import Association, AssociationSummary, Listed
from podid.domain.errors import Again, UsageError
from podid.domain.names import Arn, addon_name, role_name, role_path
from podid.domain.status import IdentityStatus
from podid.domain.text import nearest, utc
from podid.ops.association.looks import Look, Seen
from podid.render.status import STYLES, state_word, status_body, why
from podid.render.view import NOTHING, Column, Table, View, age, document, timestamp

if TYPE_CHECKING:
    from podid.render.documents import access as documents

_COLUMNS = {
    "namespace": Column("NAMESPACE"),
    "service-account": Column("SERVICE ACCOUNT"),
    "role": Column("ROLE"),
    "target-role": Column("TARGET ROLE", folds=1),
    "owner": Column("OWNER", folds=2),
    "created": Column("CREATED", folds=3),
    "association-id": Column("ASSOCIATION ID", wide=True),
    "session-tags": Column("SESSION TAGS", wide=True),
    "session-policy": Column("SESSION POLICY", wide=True),
    "not-read": Column("NOT READ", wide=True),
    "modified": Column("MODIFIED", wide=True),
}
_LOOKED_AT = {
    "pods": Column("PODS", right=True),
    "injected": Column("INJECTED", right=True),
    "stale": Column("STALE", right=True),
    "exists": Column("EXISTS"),
    "role-exists": Column("ROLE EXISTS"),
    "status": Column("STATUS"),
}
_LOOKS: Mapping[str, frozenset[Look]] = {
    **dict.fromkeys(("pods", "injected", "stale"), frozenset({"pods"})),
    "exists": frozenset({"accounts"}),
    "role-exists": frozenset({"roles"}),
    "status": frozenset({"status"}),
}
ALL_COLUMNS = (*_COLUMNS, *_LOOKED_AT)


def check_columns(text: str) -> tuple[str, ...]:
    """The names in a list with commas; none of an empty one. Raises UsageError for what is no column, with the nearest
    one."""
    names = tuple(name.strip() for name in text.split(",")) if text else ()
    for name in names:
        if name not in ALL_COLUMNS:
            near = nearest(name, ALL_COLUMNS, 1)
            hint = Again(swap=(name, near[0])) if near and name == text else ()
            raise UsageError(f"--columns {name!r} is not one of {', '.join(ALL_COLUMNS)}", hint=hint)
    return names


def looks_of(columns: Sequence[str]) -> frozenset[Look]:
    """What has to be looked at to fill these columns."""
    return frozenset(look for name in columns for look in _LOOKS.get(name, ()))


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
    item: Listed, seen: Seen | None = None
) -> documents.ListedAssociationBody | documents.UnreadAssociationBody:
    """An item of the list: of one that could not be read, what the list itself tells, and why there is no more."""
    if isinstance(item, Association):
        seen = seen or Seen()
        counts = seen.pods
        pods: documents.PodCountsBody | None = None
        if counts is not None:
            pods = {"running": counts.running, "injected": counts.injected, "stale": counts.stale}
        return {
            **association_body(item),
            "pods": pods,
            "serviceAccountExists": seen.account,
            "roleExists": seen.role,
            "status": None if seen.status is None else status_body(seen.status),
        }
    return {
        "clusterName": item.cluster_name,
        "namespace": item.namespace,
        "serviceAccount": item.service_account,
        "associationArn": item.association_arn,
        "associationId": item.association_id,
        "ownerArn": item.owner_arn,
        "unread": {"reason": item.reason, "permission": item.permission or None},
    }


def association_list_view(
    associations: Sequence[Listed],
    clusters: Sequence[str],
    now: datetime,
    seen: Mapping[str, Seen],
    *,
    namespace: str | None = None,
    short: bool,
    columns: Sequence[str] = (),
    more: Sequence[str] = (),
    asked: str = "",
) -> View:
    """`short` writes roles by name, for a person; machines always get full ARNs. `seen` is by the association's id,
    `namespace` the only one that was looked at, `asked` the other filters as they were given.
    `columns` are shown in their order, and nothing else; without them the usual ones and `more`. Of several `clusters`
    each row begins with its own."""
    several, where = len(clusters) > 1, f"namespace {namespace} of cluster" if namespace else "cluster"
    body: documents.AssociationListDocument = {
        "kind": "AssociationList",
        "clusterName": None if several else clusters[0],
        "items": [listed_body(item, seen.get(item.association_id)) for item in associations],
    }
    places = tuple((_cluster_name(item, clusters),) if several else () for item in associations)
    titles = {**_COLUMNS, **_LOOKED_AT}
    chosen = tuple(columns) or (*_COLUMNS, *more)
    rows = tuple(_cells(item, seen.get(item.association_id) or Seen(), now, short=short) for item in associations)
    shown = tuple(replace(titles[name], wide=titles[name].wide and not columns) for name in chosen)
    table = Table(
        (*((Column("CLUSTER"),) if several else ()), *shown),
        tuple((*place, *(row[name] for name in chosen)) for place, row in zip(places, rows, strict=True)),
        styles={
            (number, at + several): style
            for number, row in enumerate(rows)
            for at, name in enumerate(chosen)
            if (style := _style(name, row[name]))
        },
        empty=_empty(f"{where} {', '.join(clusters)}", asked),
    )
    return View(
        document(body),
        (table,),
        tuple("/".join((*place, str(item.ref))) for place, item in zip(places, associations, strict=True)),
    )


def _empty(where: str, asked: str) -> str:
    one = f"no pod identity association in {where} matches {asked}"
    return one if asked else f"no pod identity associations in {where}"


def _style(column: str, cell: str) -> str:
    if column == "role":
        return "warn" if cell == _NOT_READ else ""
    if column == "status":
        return STYLES_OF_WORDS.get(cell.partition(" (")[0], "")
    return "bad" if column in ("exists", "role-exists") and cell == "no" else ""


_NOT_READ = "not read"
STYLES_OF_WORDS = {state_word(state): style for state, style in STYLES.items()}


def _cells(item: Listed, seen: Seen, now: datetime, *, short: bool) -> dict[str, str]:
    found = dict(zip(_COLUMNS, _listed_row(item, now, short=short), strict=True))
    pods = seen.pods
    counts = (NOTHING,) * 3 if pods is None else (str(pods.running), str(pods.injected), str(pods.stale))
    exists = [NOTHING if one is None else "yes" if one else "no" for one in (seen.account, seen.role)]
    return {**found, **dict(zip(_LOOKED_AT, (*counts, *exists, _status_words(seen.status)), strict=True))}


def _status_words(status: IdentityStatus | None) -> str:
    """`broken (association-sa-not-found)`, `unknown (needs iam:GetRole)`."""
    if status is None:
        return NOTHING
    return state_word(status.state) + (f" ({why(status.cause)})" if status.cause is not None else "")


def _cluster_name(item: Listed, clusters: Sequence[str]) -> str:
    """With its region where that is not the only cluster of the name."""
    name = item.cluster_name
    return name if clusters.count(name) < 2 else f"{name} ({Arn.parse(item.association_arn).region})"


def _listed_row(item: Listed, now: datetime, *, short: bool) -> tuple[str, ...]:
    if isinstance(item, Association):
        return (*_row(item, now, short=short), NOTHING, _moment(item.modified_at, now, short=short))
    who = (item.ref.namespace, item.ref.name, _NOT_READ, NOTHING)
    return (*who, owner_name(item), NOTHING, item.association_id, NOTHING, NOTHING, item.reason, NOTHING)


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
        _moment(association.created_at, now, short=short),
        association.association_id,
        "on" if association.session_tags else "off",
        "yes" if association.policy else "no",
    )


def _moment(moment: datetime | None, now: datetime, *, short: bool) -> str:
    return f"{age(moment, now)} ago" if short and moment is not None else timestamp(moment) or NOTHING


def owner_name(association: AssociationSummary) -> str:
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
        ("created", f"{utc(association.created_at)} ({age(association.created_at, now)} ago)"),
        ("modified", utc(association.modified_at)),
    ]
    if association.tags:
        pairs.append(("tags", ", ".join(f"{key}={value}" for key, value in sorted(association.tags.items()))))
    return pairs


def association_table(association: Association, now: datetime) -> Table:
    """The row that the list has of it."""
    return Table(tuple(_COLUMNS.values()), (_listed_row(association, now, short=False),))
