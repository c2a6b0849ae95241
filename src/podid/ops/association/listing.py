"""Which associations a list shows, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from types import MappingProxyType

from podid.domain.aws import Association, Listed, UnreadAssociation
from podid.domain.errors import Again, InvalidInput
from podid.domain.names import addon_name, role_name
from podid.domain.option import seconds
from podid.domain.plan import Place
from podid.domain.text import nearest
from podid.ops.association.expand import is_pattern
from podid.ops.association.looks import ORDERS, Look, Seen, look_at
from podid.ops.association.read import has_role, list_without_roles
from podid.ops.association.request import ListOptions
from podid.ops.clients import Clients

NO_OWNER = "none"
NOTHING_SEEN: Mapping[str, Seen] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class Listing:
    """Which associations are to be shown, and those that were read so far. `exact` is the one namespace that is meant,
    None for a `pattern`; `tags` are key -> value, None for any; `without_roles` where the list alone tells enough."""

    options: ListOptions
    pattern: str
    exact: str | None
    tags: Mapping[str, str | None]
    older: timedelta | None
    newer: timedelta | None
    looks: frozenset[Look]
    now: datetime
    without_roles: bool = False
    listed: list[Listed] = field(default_factory=list)
    looked: dict[str, Seen] = field(default_factory=dict)

    @classmethod
    def of(
        cls, options: ListOptions, namespace: str | None, columns: Sequence[str], looks: frozenset[Look], now: datetime
    ) -> Listing:
        """`columns` are those that have to be filled. Raises InvalidInput."""
        older, newer = (
            timedelta(seconds=seconds(text)) if text else None for text in (options.older_than, options.newer_than)
        )
        listing = cls(
            options=options,
            pattern=namespace or "*",
            exact=namespace if namespace and not is_pattern(namespace) else None,
            tags=tag_filter(options.tag),
            older=older,
            newer=newer,
            looks=looks,
            now=now,
        )
        listing.without_roles = listing._by_list_alone(columns)
        return listing

    def read(self, clients: Clients, place: Place) -> Iterator[Listed]:
        """Those of a cluster that are to be shown, as they arrive."""
        items: Iterable[Listed] = (
            list_without_roles(clients.eks, place, namespace=self.exact)
            if self.without_roles
            else clients.eks.iter_readable(place.cluster_name, namespace=self.exact)
        )
        if self.looks:
            items = list(items)
            self.looked.update(look_at(clients, place, items, self.looks, self.now, namespace=self.exact or ""))
        for item in items:
            if self._keeps(item):
                self.listed.append(item)
                yield item

    def _keeps(self, item: Listed) -> bool:
        """Whether it is, or may be, one of them: of one that could not be read, role, tags and age are not known."""
        options, seen = self.options, self.looked.get(item.association_id)
        if not fnmatchcase(item.ref.namespace, self.pattern):
            return False
        if not fnmatchcase(item.ref.name, options.service_account or "*"):
            return False
        if options.owner and (addon_name(item.owner_arn) if item.owner_arn else NO_OWNER) != options.owner:
            return False
        if not isinstance(item, UnreadAssociation) and not (
            has_role(item, options.role) and self._tagged(item) and self._of_age(item)
        ):
            return False
        return seen is None or ((seen.stale or not options.stale) and (seen.dangling or not options.dangling))

    def _by_list_alone(self, columns: Sequence[str]) -> bool:
        """Whether the API's own list tells which are to be shown, fills these columns and puts them in order, without a
        call for each association."""
        options = self.options
        if options.stale or options.dangling or options.role or options.tag or self.older or self.newer:
            return False
        names = {*columns, (options.sort_by or "namespace").removeprefix("-")}
        return bool(columns) and names <= _OF_THE_LIST

    def _tagged(self, item: Association) -> bool:
        return all(key in item.tags and value in (None, item.tags[key]) for key, value in self.tags.items())

    def _of_age(self, item: Association) -> bool:
        changed = item.modified_at or item.created_at
        if changed is None:
            return True
        age = self.now - changed
        return (self.older is None or age >= self.older) and (self.newer is None or age <= self.newer)


def tag_filter(texts: Sequence[str]) -> dict[str, str | None]:
    """KEY=VALUE, or KEY for any value. Raises InvalidInput."""
    found: dict[str, str | None] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or key in found:
            raise InvalidInput(f"--tag {text!r} is not KEY or KEY=VALUE, each key once", subject=text)
        found[key] = value if equals else None
    return found


# what the API's own list tells of an association, and what is looked at elsewhere
_OF_THE_LIST = frozenset({"namespace", "service-account", "owner", "association-id", "pods", "injected", "exists"})


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_ORDERS: Mapping[str, Callable[[Association], object]] = {
    "namespace": lambda item: item.namespace,
    "service-account": lambda item: item.service_account,
    "role": lambda item: role_name(item.role_arn),
    "target-role": lambda item: item.target_role_arn or "",
    "owner": lambda item: item.owner_arn or "",
    "association-id": lambda item: item.association_id,
    "session-tags": lambda item: bool(item.disable_session_tags),
    "session-policy": lambda item: item.policy or "",
    "created": lambda item: item.created_at or _EPOCH,
    "modified": lambda item: item.modified_at or _EPOCH,
}
_SORTABLE = (*_ORDERS, *ORDERS)


def in_order(items: Sequence[Listed], by: str, looked: Mapping[str, Seen] = NOTHING_SEEN) -> list[Listed]:
    """Sorted by `by`, downwards with a `-` before it, then by cluster, namespace and service account; those that could
    not be read come last. What the list does not tell, `looked` does, by the associations' ids. Raises InvalidInput for
    what they cannot be sorted by."""
    named = by.removeprefix("-")
    if by and named not in _SORTABLE:
        near = nearest(named, _SORTABLE, 1)
        known = ", ".join(_SORTABLE)
        raise InvalidInput(
            f"--sort-by {by!r} is not one of {known}, or one of them with - before it",
            hint=Again(swap=(by, by[: len(by) - len(named)] + near[0])) if near else (),
        )
    ordered: list[Listed] = sorted(items, key=_place)
    if not named:
        return ordered
    read = [item for item in ordered if isinstance(item, Association)]
    key: Callable[[Association], object] = _ORDERS.get(named) or (
        lambda item: ORDERS[named](looked.get(item.association_id) or Seen())
    )
    read.sort(key=key, reverse=by.startswith("-"))  # type: ignore[arg-type]  # each order has one type
    return [*read, *(item for item in ordered if isinstance(item, UnreadAssociation))]


def _place(item: Listed) -> tuple[object, ...]:
    return item.cluster_name, item.ref, item.association_id
