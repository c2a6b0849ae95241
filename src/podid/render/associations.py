"""Associations as documents and tables. Documents carry every field of the API, under the API's own names."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from podid.domain.aws import Association, AssociationSummary, Listed, UnreadAssociation
from podid.domain.encoding import JsonObject, encode, timestamp
from podid.domain.errors import Again, UsageError
from podid.domain.members import FLAT, About, Document, From
from podid.domain.names import Arn, addon_name, role_name, role_path
from podid.domain.text import nearest, short_list, utc
from podid.ops.association.details import Detail, Details, PodCounts
from podid.ops.association.request import ListOptions
from podid.render.marks import STATES, state_word
from podid.render.status import IdentityStatusBody, gap_sentences, why
from podid.render.view import NOTHING, Column, Table, View, age, document, table_of


class ListedAssociationBody(Document):
    association: Annotated[Association, FLAT, From("")]
    pods: Annotated[PodCounts | None, About("Set with `--pods`, `--stale` or a pod column; otherwise null.")]
    service_account_exists: Annotated[
        bool | None, About("Set with `--dangling` or the column `exists`; otherwise null.")
    ]
    role_exists: Annotated[
        bool | None,
        About("Set with `--dangling` or the column `role-exists`; otherwise, and if it could not be read, null."),
    ]
    status: Annotated[
        IdentityStatusBody | None,
        About("Set with the column `status`, without `permissions` and `advice`, which are not read; otherwise null."),
    ]


class AssociationListDocument(Document, kind="AssociationList"):
    """`podid list`. With `-o jsonl` each item is a line."""

    cluster_name: Annotated[str | None, About("null if several clusters were read; each item has its own.")]
    items: Sequence[ListedAssociationBody | UnreadAssociation]


def listed_body(item: Listed, reading: Details | None) -> JsonObject:
    """Return an item of the list. One that could not be read has the members of the list and the reason."""
    if not isinstance(item, Association):
        return encode(UnreadAssociation, item)
    more = reading or Details()
    exist = {"service_account_exists": more.account, "role_exists": more.role}
    return encode(ListedAssociationBody, item, pods=more.pods, status=more.status, **exist)


@dataclass(frozen=True, slots=True)
class ListRow:
    """An item of the list with its details; `short` for a person."""

    item: Listed
    reading: Details
    now: datetime
    short: bool

    @property
    def association(self) -> Association | None:
        return self.item if isinstance(self.item, Association) else None

    @property
    def role(self) -> str:
        if self.association is None:
            return "not read"
        arn = self.association.role_arn
        return f"{role_path(arn)}{role_name(arn)}"[1:] if self.short and arn else arn or NOTHING

    def when(self, moment: datetime | None) -> str | None:
        return f"{age(moment, self.now)} ago" if self.short and moment is not None else timestamp(moment)


def _yes_no(answer: bool | None, words: tuple[str, str] = ("yes", "no")) -> str | None:
    return None if answer is None else words[0] if answer else words[1]


def _status_words(row: ListRow) -> str | None:
    """Return `broken (association-sa-not-found)` or `unknown (needs iam:GetRole)`."""
    status = row.reading.status
    if status is None:
        return None
    words = why(status.cause) if status.cause is not None else ""
    return state_word(status.state) + (f" ({words})" if words else "")


# source and style of each
_COLUMNS: dict[str, tuple[Any, ...]] = {
    "namespace": (Column("NAMESPACE"), "item.namespace"),
    "service-account": (Column("SERVICE ACCOUNT"), "item.service_account"),
    "role": (Column("ROLE"), "role", lambda row: "warn" if row.association is None else ""),
    # in full, because it is often in another account
    "target-role": (
        Column("TARGET ROLE", folds=1),
        lambda row: (row.association and row.association.target_role_arn) or None,
    ),
    "owner": (Column("OWNER", folds=2), lambda row: owner_name(row.item)),
    "created": (Column("CREATED", folds=3), lambda row: row.association and row.when(row.association.created_at)),
    "association-id": (Column("ASSOCIATION ID", wide=True), "item.association_id"),
    "session-tags": (
        Column("SESSION TAGS", wide=True),
        lambda row: row.association and _yes_no(row.association.session_tags, ("on", "off")),
    ),
    "session-policy": (
        Column("SESSION POLICY", wide=True),
        lambda row: row.association and _yes_no(bool(row.association.policy)),
    ),
    "not-read": (Column("NOT READ", wide=True), lambda row: None if row.association else row.item.reason),
    "modified": (Column("MODIFIED", wide=True), lambda row: row.association and row.when(row.association.modified_at)),
}
_READ_COLUMNS: dict[str, tuple[Any, ...]] = {
    "pods": (Column("PODS", right=True), "reading.pods.running"),
    "injected": (Column("INJECTED", right=True), "reading.pods.injected"),
    "stale": (Column("STALE", right=True), "reading.pods.stale"),
    "exists": (
        Column("EXISTS"),
        lambda row: _yes_no(row.reading.account),
        lambda row: "bad" if row.reading.account is False else "",
    ),
    "role-exists": (
        Column("ROLE EXISTS"),
        lambda row: _yes_no(row.reading.role),
        lambda row: "bad" if row.reading.role is False else "",
    ),
    "status": (
        Column("STATUS", folds=-1),
        _status_words,
        lambda row: STATES[row.reading.status.state][1] if row.reading.status is not None else "",
    ),
}
_DETAILS: Mapping[str, frozenset[Detail]] = {
    **dict.fromkeys(("pods", "injected", "stale"), frozenset({"pods"})),
    "exists": frozenset({"accounts"}),
    "role-exists": frozenset({"roles"}),
    "status": frozenset({"status"}),
    "owner": frozenset({"owners"}),
}
ALL_COLUMNS = (*_COLUMNS, *_READ_COLUMNS)


def check_columns(text: str) -> tuple[str, ...]:
    """Return the names of a comma-separated list. Raise UsageError for an unknown column, with the nearest name."""
    names = tuple(name.strip() for name in text.split(",")) if text else ()
    for name in names:
        if name not in ALL_COLUMNS:
            near = nearest(name, ALL_COLUMNS, 1)
            hint = Again(swap=(name, near[0])) if near and name == text else ()
            raise UsageError(f"--columns {name!r} is not one of {', '.join(ALL_COLUMNS)}", hint=hint)
    return names


def details_of(columns: Sequence[str]) -> frozenset[Detail]:
    """Return the details that these columns require."""
    return frozenset(detail for name in columns for detail in _DETAILS.get(name, ()))


def association_list_view(
    associations: Sequence[Listed],
    clusters: Sequence[str],
    now: datetime,
    readings: Mapping[str, Details],
    *,
    options: ListOptions,
    namespace: str | None = None,
    short: bool,
) -> View:
    """Return the list. `short` shows roles by name, for a terminal. `readings` are by the id of the association.
    `namespace` is the only one that was read. `clusters` are ARNs; with several, each row begins with its cluster."""
    columns, filters = check_columns(options.columns), options.filters
    names_of = _cluster_names(clusters)
    several, where = len(clusters) != 1, f"namespace {namespace} of cluster" if namespace else "cluster"
    details = [readings.get(item.association_id) or Details() for item in associations]
    body = document(
        AssociationListDocument,
        cluster_name=None if several else names_of[clusters[0]],
        items=[listed_body(*pair) for pair in zip(associations, details, strict=True)],
    )
    cells = {**_COLUMNS, **_READ_COLUMNS}
    chosen = [cells[name] for name in columns or (*_COLUMNS, *options.more)]
    shown = [(replace(column, wide=column.wide and not columns), *details) for column, *details in chosen]
    cluster = [("CLUSTER", lambda row: _cluster_name(row.item, names_of))] if several else []
    rows = [ListRow(item, detail, now, short) for item, detail in zip(associations, details, strict=True)]
    matches = f" matches {filters}" if filters else ""
    noun = "association" if filters else "associations"
    empty = f"no pod identity {noun} in {where} {short_list(names_of.values(), 20)}{matches}" if clusters else ""
    table = table_of(rows, *cluster, *shown, empty=empty)
    places = [f"{_cluster_name(item, names_of)}/" if several else "" for item in associations]
    names = tuple(f"{place}{item.ref}" for place, item in zip(places, associations, strict=True))
    statuses = [detail.status for detail in details if detail.status is not None]
    return View(body, (table,), names, unread=gap_sentences(statuses))


def _cluster_names(clusters: Sequence[str]) -> dict[str, str]:
    """Return the name of each cluster by its ARN, with the region if several have that name, and with the account if
    they are in several accounts."""
    arns = [Arn.parse(arn) for arn in clusters]
    counts = Counter(arn.resource for arn in arns)
    accounts = len({arn.account for arn in arns}) > 1
    return {
        str(arn): arn.resource_name
        if counts[arn.resource] < 2
        else f"{arn.resource_name} ({f'{arn.account} ' if accounts else ''}{arn.region})"
        for arn in arns
    }


def _cluster_name(item: Listed, names: Mapping[str, str]) -> str:
    of = Arn.parse(item.association_arn)
    return names[f"arn:{of.partition}:eks:{of.region}:{of.account}:cluster/{item.cluster_name}"]


def owner_name(association: AssociationSummary) -> str:
    """Return the add-on or the tool that owns the association, or `-`."""
    if association.owner_arn:
        name = addon_name(association.owner_arn)
        return name if name == association.owner_arn else f"add-on {name}"
    owner = association.owner if isinstance(association, Association) else None
    return NOTHING if owner is None else owner.words


# values of most associations
USUAL = (("session tags", "on"), ("session policy", "none"), ("in Kubernetes", "exists"))


def association_facts(association: Association, now: datetime) -> list[tuple[str, str]]:
    tool = None if association.owner_arn else association.owner
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
        ("owner", owner_name(association) if tool is None else tool.description),
        ("association", association.association_id),
        ("created", f"{utc(association.created_at)} ({age(association.created_at, now)} ago)"),
        ("modified", utc(association.modified_at)),
    ]
    if association.tags:
        pairs.append(("tags", ", ".join(f"{key}={value}" for key, value in sorted(association.tags.items()))))
    return pairs


def association_table(association: Association, now: datetime) -> Table:
    return table_of([ListRow(association, Details(), now, short=False)], *_COLUMNS.values())
