"""Which associations a list shows, in which order, and what beside them: pods, service accounts, roles, status. What is
read elsewhere costs calls only where it is wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from podid.domain.aws import Association, Listed, UnreadAssociation
from podid.domain.cluster import Pod
from podid.domain.errors import Again, InvalidInput
from podid.domain.members import About
from podid.domain.names import ServiceAccountRef, addon_name, role_name
from podid.domain.option import seconds
from podid.domain.plan import Place
from podid.domain.snapshot import Missing, Section, Snapshot, error_of
from podid.domain.status import IdentityStatus
from podid.domain.text import nearest
from podid.domain.workloads import injected, live, opted_out
from podid.ops.association.absent import is_pattern
from podid.ops.association.read import has_role, list_without_roles
from podid.ops.association.request import ListOptions
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.checks.base import Check

# --- what is looked at elsewhere --------------------------------------------------------------------------------------

T = TypeVar("T")

NO_ACCOUNT = "association-sa-not-found"
Detail = Literal["pods", "accounts", "roles", "status"]
# what is read for a look beside what its checks need
SECTIONS: Mapping[Detail, str] = {"pods": "pods", "accounts": "service_accounts", "roles": "roles"}


@dataclass(frozen=True, slots=True)
class PodCounts:
    """The running pods of one association that the webhook serves, how many of them carry the injected fields, and how
    many are stale: of whom a check fails that a restart ends."""

    running: int = 0
    injected: Annotated[int, About("With the injected fields.")] = 0
    stale: Annotated[
        int, About("Without the injected fields, or older than a change that may not have reached them.")
    ] = 0


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of one association, None where nobody asked: whether its service account and its `role` exist.
    None too of a role that could not be read."""

    pods: PodCounts | None = None
    account: bool | None = None
    role: bool | None = None
    status: IdentityStatus | None = None

    @property
    def stale(self) -> bool:
        return self.pods is not None and self.pods.stale > 0

    @property
    def dangling(self) -> bool:
        return self.account is False or self.role is False


def _count(name: str) -> Callable[[Details], object]:
    return lambda seen: -1 if seen.pods is None else getattr(seen.pods, name)


# by what a list can be put in order that is read elsewhere; what is not known comes first
ORDERS: Mapping[str, Callable[[Details], object]] = {
    **{name: _count(field) for name, field in (("pods", "running"), ("injected", "injected"), ("stale", "stale"))},
    "exists": lambda seen: str(seen.account),
    "role-exists": lambda seen: str(seen.role),
    "status": lambda seen: -1 if seen.status is None or seen.status.state is None else seen.status.state.rank,
}


def checks_for(wanted: Collection[Detail]) -> tuple[Check, ...]:
    """The checks whose answers are shown: of a status those that it depends on, of pods those that a restart ends."""
    from podid.checks.all import ALL
    from podid.checks.base import on_links
    from podid.checks.status import STATE_LINKS
    from podid.domain.findings import Bearing

    if "status" in wanted:
        parts = (on_links(check, STATE_LINKS) for check in ALL if check.bearing is not Bearing.ADVICE)
        return tuple(check for check in parts if check is not None)
    return tuple(c for c in ALL if "pods" in wanted and c.bearing is Bearing.RESTART)


def sections_for(wanted: Collection[Detail]) -> tuple[str, ...]:
    return tuple(SECTIONS[look] for look in SECTIONS if look in wanted)


def read_details(
    clients: Clients,
    place: Place,
    associations: Sequence[Listed],
    wanted: frozenset[Detail],
    now: datetime,
    *,
    namespace: str,
) -> dict[str, Details]:
    """By the association's id. Raises the reason where pods or service accounts are asked for and cannot be listed;
    what else cannot be read is not known."""
    from podid.ops.status.diagnose import examine_listed
    from podid.ops.status.facts import stale_pods

    if not wanted or not associations:
        return {}
    also = sections_for(wanted)
    found = examine_listed(clients, place, associations, checks_for(wanted), also, now=now, namespace=namespace)
    pods, stale, accounts = None, frozenset[str](), None
    if "pods" in wanted:
        pods, stale = _by_account(_needed(found.snapshot.pods)), stale_pods(found)
    if "accounts" in wanted:
        accounts = {account.ref for account in _needed(found.snapshot.service_accounts)}
    statuses = {status.ref: status for status in found.report.identities}
    return {
        item.association_id: Details(
            pods=None if pods is None else _counted(pods.get(item.ref, ()), stale),
            account=None if accounts is None else item.ref in accounts,
            role=_role_exists(found.snapshot, item) if "roles" in wanted else None,
            status=statuses[item.ref] if "status" in wanted else None,
        )
        for item in associations
    }


def _needed(section: Section[tuple[T, ...]]) -> tuple[T, ...]:
    if isinstance(section, Missing):
        raise error_of(section)
    return section.value


def _by_account(pods: Sequence[Pod]) -> Mapping[ServiceAccountRef, Sequence[Pod]]:
    found: dict[ServiceAccountRef, list[Pod]] = defaultdict(list)
    for pod in pods:
        if live(pod) and not opted_out(pod):
            found[pod.ref].append(pod)
    return found


def _counted(pods: Sequence[Pod], stale: Collection[str]) -> PodCounts:
    late = sum(f"{pod.namespace}/{pod.name}" in stale for pod in pods)
    return PodCounts(len(pods), sum(map(injected, pods)), late)


def _role_exists(snapshot: Snapshot, item: Listed) -> bool | None:
    from podid.ops.status.facts import role_of

    role = role_of(snapshot, item) if isinstance(item, Association) else None
    return None if role is None or isinstance(role, Missing) else role.value is not None


# --- the list ---------------------------------------------------------------------------------------------------------

NO_OWNER = "none"
NO_DETAILS: Mapping[str, Details] = MappingProxyType({})


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
    details: frozenset[Detail]
    now: datetime
    without_roles: bool = False
    listed: list[Listed] = field(default_factory=list)
    looked: dict[str, Details] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        options: ListOptions,
        namespace: str | None,
        columns: Sequence[str],
        details: frozenset[Detail],
        now: datetime,
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
            details=details,
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
        if self.details:
            items = list(items)
            self.looked.update(read_details(clients, place, items, self.details, self.now, namespace=self.exact or ""))
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


def in_order(items: Sequence[Listed], by: str, looked: Mapping[str, Details] = NO_DETAILS) -> list[Listed]:
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
        lambda item: ORDERS[named](looked.get(item.association_id) or Details())
    )
    read.sort(key=key, reverse=by.startswith("-"))  # type: ignore[arg-type]  # each order has one type
    return [*read, *(item for item in ordered if isinstance(item, UnreadAssociation))]


def _place(item: Listed) -> tuple[object, ...]:
    return item.cluster_name, item.ref, item.association_id
