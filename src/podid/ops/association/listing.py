"""Which associations a list shows, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from types import MappingProxyType

from podid.domain.aws import Association, Listed, UnreadAssociation
from podid.domain.errors import Again, InvalidInput
from podid.domain.names import addon_name, role_name
from podid.domain.text import nearest
from podid.ops.association.looks import ORDERS, Seen
from podid.ops.association.read import RoleFilter

NO_OWNER = "none"
NOTHING_SEEN: Mapping[str, Seen] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilter:
    """What is to be shown. `namespace` and `service_account` are patterns as of a shell; `owner` an add-on's name, or
    `none`; `tags` are key -> value, None for any; `older` and `newer` bound the age of the last change."""

    role: RoleFilter = field(default_factory=RoleFilter)
    namespace: str = "*"
    service_account: str = "*"
    owner: str = ""
    tags: Mapping[str, str | None] = field(default_factory=dict)
    older: timedelta | None = None
    newer: timedelta | None = None

    def keeps(self, item: Listed, now: datetime) -> bool:
        """Whether it is, or may be, one of them: of one that could not be read, role, tags and age are not known."""
        if not fnmatchcase(item.ref.namespace, self.namespace) or not fnmatchcase(item.ref.name, self.service_account):
            return False
        if self.owner and (addon_name(item.owner_arn) if item.owner_arn else NO_OWNER) != self.owner:
            return False
        if isinstance(item, UnreadAssociation):
            return True
        return self.role.keeps(item) and self._tagged(item) and self._of_age(item, now)

    @property
    def by_list_alone(self) -> bool:
        """Whether the API's own list tells which are to be shown."""
        return not (self.role.text or self.tags or self.older or self.newer)

    def _tagged(self, item: Association) -> bool:
        return all(key in item.tags and value in (None, item.tags[key]) for key, value in self.tags.items())

    def _of_age(self, item: Association, now: datetime) -> bool:
        changed = item.modified_at or item.created_at
        if changed is None:
            return True
        age = now - changed
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


def by_list_alone(wanted: ListFilter, columns: Sequence[str], sort_by: str | None) -> bool:
    """Whether these columns can be filled, and put in this order, without a call for each association."""
    names = {*columns, (sort_by or "namespace").removeprefix("-")}
    return bool(columns) and wanted.by_list_alone and names <= _OF_THE_LIST


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


def in_order(items: Sequence[Listed], by: str | None, looked: Mapping[str, Seen] = NOTHING_SEEN) -> list[Listed]:
    """Sorted by `by`, downwards with a `-` before it, then by cluster, namespace and service account; those that could
    not be read come last. What the list does not tell, `looked` does, by the associations' ids. Raises InvalidInput for
    what they cannot be sorted by."""
    named = (by or "").removeprefix("-")
    if by is not None and named not in _SORTABLE:
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
    read.sort(key=key, reverse=(by or "").startswith("-"))  # type: ignore[arg-type]  # each order has one type
    return [*read, *(item for item in ordered if isinstance(item, UnreadAssociation))]


def _place(item: Listed) -> tuple[object, ...]:
    return item.cluster_name, item.ref, item.association_id
