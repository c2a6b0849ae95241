"""Associations as documents and tables. Documents carry every field of the API, under the API's own names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from podid.domain.aws import Association, AssociationSummary, Listed
from podid.domain.encoding import JsonObject, encode, timestamp
from podid.domain.errors import Again, UsageError
from podid.domain.members import OR_NULL, About, ArnText, Document, From, Pairs
from podid.domain.names import Arn, addon_name, role_name, role_path
from podid.domain.status import IdentityStatus
from podid.domain.text import nearest, utc
from podid.ops.association.listing import Look, PodCounts, Seen
from podid.render.status import STYLES, IdentityStatusBody, state_word, why
from podid.render.view import NOTHING, Column, Table, View, age, document

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


# --- documents --------------------------------------------------------------------------------------------------------


class AssociationBody(Document):
    # EKS's PodIdentityAssociation, member for member
    cluster_name: str
    namespace: str
    service_account: str
    role_arn: ArnText
    association_arn: ArnText
    association_id: Annotated[str, About("EKS's id, `a-` and 17 characters.")]
    tags: Pairs
    created_at: datetime | None
    modified_at: datetime | None
    owner_arn: Annotated[str | None, About("The add-on that owns the association.")]
    disable_session_tags: Annotated[bool | None, About("null is the API's own default, which is false.")]
    target_role_arn: Annotated[str | None, About("The role assumed from the first one.")]
    external_id: Annotated[str | None, About("What EKS sends as sts:ExternalId to the target role.")]
    policy: Annotated[str | None, About("The session policy, as JSON text.")]


class NotLookedAtBody(Document):
    reason: str
    permission: Annotated[str, OR_NULL, About("What the caller lacks, where it is a matter of rights.")]


class UnreadAssociationBody(Document):
    cluster_name: str
    namespace: str
    service_account: str
    association_arn: ArnText
    association_id: str
    owner_arn: str | None
    unread: Annotated[NotLookedAtBody, From(""), About("Why nothing else is known; the exit code is 8.")]


class ListedAssociationBody(AssociationBody):
    pods: Annotated[PodCounts | None, About("Set with `--pods`, `--stale` or a pod column; otherwise null.")]
    service_account_exists: Annotated[
        bool | None, About("Set with `--dangling` or the column `exists`; otherwise null.")
    ]
    role_exists: Annotated[
        bool | None, About("Set with `--dangling` or the column `role-exists`; null too where it could not be read.")
    ]
    status: Annotated[
        IdentityStatusBody | None,
        About("Set with the column `status`, without `permissions` and `advice`, which are not read; otherwise null."),
    ]


class AssociationListDocument(Document, kind="AssociationList"):
    """`podid list`. With `-o jsonl` each item is a line."""

    cluster_name: Annotated[str | None, About("null where several clusters were read; each item has its own.")]
    items: Sequence[ListedAssociationBody | UnreadAssociationBody]


def listed_body(item: Listed, seen: Seen | None = None) -> JsonObject:
    """An item of the list: of one that could not be read, what the list itself tells, and why there is no more."""
    if not isinstance(item, Association):
        return encode(UnreadAssociationBody, item)
    seen = seen or Seen()
    exist = {"service_account_exists": seen.account, "role_exists": seen.role}
    return encode(ListedAssociationBody, item, pods=seen.pods, status=seen.status, **exist)


# --- the list ---------------------------------------------------------------------------------------------------------


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
    body = document(
        AssociationListDocument,
        cluster_name=None if several else clusters[0],
        items=[listed_body(item, seen.get(item.association_id)) for item in associations],
    )
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
        body,
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
