"""List associations: filters and order. Pods, service accounts, roles and status only if required."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from podid.domain.aws import Association, Listed, UnreadAssociation
from podid.domain.errors import Again, InvalidInput, NotFound, Partial, Undetermined
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef, is_pattern, role_name
from podid.domain.option import seconds
from podid.domain.owners import owner_of
from podid.domain.plan import Place
from podid.domain.snapshot import Known, Missing, attempt
from podid.domain.text import count_of, nearest, short_list
from podid.ops.association.details import ORDERS, Detail, Details, read_details
from podid.ops.association.read import Selection, expand
from podid.ops.association.request import ListOptions
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.ops.change.journal import Journal

NO_OWNER = "none"
NO_DETAILS: Mapping[str, Details] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class Listing:
    """The filters of a list. `exact` is the one namespace, None for a `pattern`. `tags` are key -> value, None for any.
    `without_roles` is whether EKS's list is sufficient, `gaps` are the reasons why custom resources were not read, and
    `undecided` the reasons why associations may be dangling."""

    options: ListOptions
    pattern: str
    exact: str | None
    tags: Mapping[str, str | None]
    older: timedelta | None
    newer: timedelta | None
    details: frozenset[Detail]
    now: datetime
    journal: Journal | None = None
    without_roles: bool = False
    # of all clusters: the number of associations, the unread ones, and the specified service accounts among them
    count: int = 0
    gaps: dict[str, None] = field(default_factory=dict)
    undecided: dict[str, None] = field(default_factory=dict)
    unread: list[UnreadAssociation] = field(default_factory=list)
    listed: set[ServiceAccountRef] = field(default_factory=set)

    @classmethod
    def of(
        cls,
        options: ListOptions,
        namespace: str | None,
        columns: Sequence[str],
        details: frozenset[Detail],
        now: datetime,
        journal: Journal | None = None,
    ) -> Self:
        """Return the listing; `columns` are the ones to fill. Raise InvalidInput."""
        older, newer = (
            timedelta(seconds=seconds(text, name)) if text else None
            for text, name in ((options.older_than, "--older-than"), (options.newer_than, "--newer-than"))
        )
        first, *more = {ref.namespace for ref in options.service_accounts} or {namespace or "*"}
        listing = cls(
            options=options,
            pattern=namespace or "*",
            exact=None if more or is_pattern(first) else first,
            tags=tag_filter(options.tag),
            older=older,
            newer=newer,
            details=details,
            now=now,
            journal=journal,
        )
        listing.without_roles = listing._by_list_alone(columns)
        return listing

    def read(self, clients: Clients, place: Place) -> Iterator[tuple[Listed, Details]]:
        """Yield the matching associations of a cluster with their details, as they arrive. Several threads may read."""
        options, accounts, details = self.options, None, NO_DETAILS
        if options.selector:
            accounts = frozenset[ServiceAccountRef]()
            with suppress(NotFound):  # no service account has these labels
                accounts = frozenset(expand(clients.kube, Selection(self.exact or "*", selector=options.selector)))
        items: Iterable[Listed]
        if self.without_roles:
            summaries = clients.eks.list_association_summaries(place.cluster_name, self.exact)
            items = [Association.of(summary, role_arn="") for summary in summaries]
        else:
            items = clients.eks.iter_associations(place.cluster_name, namespace=self.exact)
        if "owners" in self.details:
            items = self._with_custom_owners(clients, items)
        if self.details - {"owners"}:
            items = list(items)
            read, exact = self.details - {"owners"}, self.exact or ""
            details = read_details(clients, place, items, read, self.now, namespace=exact, journal=self.journal)
        for item in items:
            known = details.get(item.association_id, Details())
            if (accounts is None or item.ref in accounts) and self._keeps(item, known):
                if self.options.dangling and known.unread and not known.dangling:
                    self.undecided[f"the roles of associations: {known.unread}"] = None
                else:
                    yield item, known

    def _with_custom_owners(self, clients: Clients, items: Iterable[Listed]) -> Iterator[Listed]:
        owners = attempt(lambda: clients.kube.reader.list_custom_owners())
        if isinstance(owners, Missing):
            self.gaps[f"custom resources that own associations: {owners.reason}"] = None
        by_id = owners.value if isinstance(owners, Known) else {}
        for item in items:
            yield replace(item, custom_owner=by_id.get(item.association_id)) if isinstance(item, Association) else item

    def add(self, item: Listed) -> None:
        self.count += 1
        if isinstance(item, UnreadAssociation):
            self.unread.append(item)
        if item.ref in self.options.service_accounts:
            self.listed.add(item.ref)

    @property
    def decided(self) -> bool:
        """Return whether --owner and --dangling could be decided."""
        return not (self.undecided or (self.gaps and self.options.owner))

    def error(self) -> Partial | Undetermined | None:
        """Return the error about associations that could not be read, or about owners that decide the list."""
        if self.unread or self.decided:
            return unread_error(self.unread, self.count)
        part, name = ("roles", "--dangling") if self.undecided else ("owners", "--owner")
        return Undetermined(
            f"some {part} of associations could not be read, so the result of {name} may be incomplete or wrong",
            lines=tuple(f"not checked: {gap}" for gap in (*self.gaps, *self.undecided)),
        )

    def missing_error(self) -> NotFound | None:
        """Return the error about specified service accounts without an association; None if there are none."""
        missing = [ref for ref in self.options.service_accounts if ref not in self.listed]
        if not missing:
            return None
        verb = "has" if len(missing) == 1 else "have"
        return NotFound(
            f"{short_list(map(str, missing))} {verb} no association",
            subject=str(missing[0]),
            advice=f"podid associate {missing[0]} gives it a role.",
        )

    def _keeps(self, item: Listed, known: Details) -> bool:
        """Return whether it matches, or may match: role, tags and age of an unread association are not known."""
        options = self.options
        if not fnmatchcase(item.ref.namespace, self.pattern):
            return False
        if options.service_accounts and item.ref not in options.service_accounts:
            return False
        if not fnmatchcase(item.ref.name, options.service_account or "*"):
            return False
        if options.owner and not _is_of(item, options.owner):
            return False
        if not isinstance(item, UnreadAssociation) and not (
            has_role(item, options.role)
            and all(key in item.tags and value in (None, item.tags[key]) for key, value in self.tags.items())
            and self._of_age(item)
        ):
            return False
        dangling = known.dangling or bool(known.unread)
        return (known.stale or not options.stale) and (dangling or not options.dangling)

    def _by_list_alone(self, columns: Sequence[str]) -> bool:
        """Return whether EKS's list is sufficient for filters, columns and order, without a call for each
        association."""
        options = self.options
        if options.stale or options.dangling or options.role or options.owner:
            return False
        if options.tag or self.older or self.newer:
            return False
        names = {*columns, (options.sort_by or "namespace").removeprefix("-")}
        return bool(columns) and names <= _OF_THE_LIST

    def _of_age(self, item: Association) -> bool:
        changed = item.modified_at or item.created_at
        if changed is None:
            return True
        age = self.now - changed
        return (self.older is None or age >= self.older) and (self.newer is None or age <= self.newer)


def _is_of(item: Listed, name: str) -> bool:
    """Return whether the owner has this name. The tags of an unread association are not known: it may be a tool's."""
    owner = item.owner if isinstance(item, Association) else owner_of({}, owner_arn=item.owner_arn)
    if owner is None:
        return name == NO_OWNER or isinstance(item, UnreadAssociation)
    return name.lower() in owner.names


def has_role(association: Association, role: str) -> bool:
    """Return whether the association's role or target role is `role`: an ARN, or a name in the account of its role. An
    empty `role` matches every association."""
    arns = [arn for arn in (association.role_arn, association.target_role_arn) if arn]
    if role.startswith("arn:"):
        return role in arns
    home = association.role_arn.partition(":role/")[0]
    return not role or any(role_name(arn) == role and arn.partition(":role/")[0] == home for arn in arns)


def tag_filter(texts: Sequence[str]) -> dict[str, str | None]:
    """Parse KEY=VALUE, or KEY for any value. Raise InvalidInput."""
    tags: dict[str, str | None] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or key in tags:
            raise InvalidInput(f"--tag {text!r} is not KEY or KEY=VALUE, each key once", subject=text)
        tags[key] = value if equals else None
    return tags


# columns that EKS's list contains or that are read elsewhere
_OF_THE_LIST = frozenset({"namespace", "service-account", "association-id", "pods", "injected", "exists"})
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_ORDERS: Mapping[str, Callable[[Association], object]] = {
    "namespace": lambda item: item.namespace,
    "service-account": lambda item: item.service_account,
    "role": lambda item: role_name(item.role_arn),
    "target-role": lambda item: item.target_role_arn or "",
    "owner": lambda item: "" if item.owner is None else item.owner.words,
    "association-id": lambda item: item.association_id,
    "session-tags": lambda item: bool(item.disable_session_tags),
    "session-policy": lambda item: item.policy or "",
    "created": lambda item: item.created_at or _EPOCH,
    "modified": lambda item: item.modified_at or _EPOCH,
}
SORTABLE = (*_ORDERS, *ORDERS)


def in_order(items: Sequence[Listed], by: str, details: Mapping[str, Details] = NO_DETAILS) -> list[Listed]:
    """Sort by `by`, in descending order with a leading `-`, then by cluster, namespace and service account. Unread
    associations come last. `details` are by association ID. Raise InvalidInput for a column that cannot be sorted
    by."""
    named = by.removeprefix("-")
    if by and named not in SORTABLE:
        near = nearest(named, SORTABLE, 1)
        known = ", ".join(SORTABLE)
        raise InvalidInput(
            f"--sort-by {by!r} is not one of {known}, with an optional - before it",
            hint=Again(swap=(by, by[: len(by) - len(named)] + near[0])) if near else (),
        )
    ordered = sorted(
        items,
        # several clusters may have the same name, each in another region or account
        key=lambda item: (item.cluster_name, item.association_arn.split(":")[3:5], item.ref, item.association_id),
    )
    if not named:
        return ordered
    read = [item for item in ordered if isinstance(item, Association)]
    key: Callable[[Association], object] = _ORDERS.get(named) or (
        lambda item: ORDERS[named](details.get(item.association_id) or Details())
    )
    read.sort(key=key, reverse=by.startswith("-"))  # type: ignore[arg-type]  # each order has one type
    return [*read, *(item for item in ordered if isinstance(item, UnreadAssociation))]


def unread_error(listed: Iterable[Listed], count: int) -> Partial | None:
    """Return the error about associations that could not be read, of `count`; None if there are none."""
    unread = [item for item in listed if isinstance(item, UnreadAssociation)]
    if not unread:
        return None
    names = grouped(((item.reason, item.permission), str(item.ref)) for item in unread)
    return Partial(
        f"{len(unread)} of {count_of(count, 'association')} could not be read: their roles are not known",
        hint=Again(),
        permission=next((item.permission for item in unread if item.permission), ""),
        lines=tuple(f"{short_list(refs)}: {reason}" for (reason, _), refs in names.items()),
    )
