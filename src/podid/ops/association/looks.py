"""What a list shows beside the associations themselves: pods, service accounts, roles, status. Each costs calls only
where it is wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from podid.domain.aws import Association, Listed
from podid.domain.cluster import Pod
from podid.domain.members import About
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place
from podid.domain.snapshot import Missing, Section, Snapshot, error_of
from podid.domain.status import IdentityStatus
from podid.domain.workloads import injected, live, opted_out
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.checks.base import Check

T = TypeVar("T")

NO_ACCOUNT = "association-sa-not-found"
Look = Literal["pods", "accounts", "roles", "status"]
# what is read for a look beside what its checks need
SECTIONS: Mapping[Look, str] = {"pods": "pods", "accounts": "service_accounts", "roles": "roles"}


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
class Seen:
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


def _count(name: str) -> Callable[[Seen], object]:
    return lambda seen: -1 if seen.pods is None else getattr(seen.pods, name)


# by what a list can be put in order that is read elsewhere; what is not known comes first
ORDERS: Mapping[str, Callable[[Seen], object]] = {
    **{name: _count(field) for name, field in (("pods", "running"), ("injected", "injected"), ("stale", "stale"))},
    "exists": lambda seen: str(seen.account),
    "role-exists": lambda seen: str(seen.role),
    "status": lambda seen: -1 if seen.status is None or seen.status.state is None else seen.status.state.rank,
}


def checks_for(wanted: Collection[Look]) -> tuple[Check, ...]:
    """The checks whose answers are shown: of a status those that it depends on, of pods those that a restart ends."""
    from podid.checks.all import ALL
    from podid.checks.base import on_links
    from podid.checks.status import STATE_LINKS
    from podid.domain.findings import Bearing

    if "status" in wanted:
        parts = (on_links(check, STATE_LINKS) for check in ALL if check.bearing is not Bearing.ADVICE)
        return tuple(check for check in parts if check is not None)
    return tuple(c for c in ALL if "pods" in wanted and c.bearing is Bearing.RESTART)


def sections_for(wanted: Collection[Look]) -> tuple[str, ...]:
    return tuple(SECTIONS[look] for look in SECTIONS if look in wanted)


def look_at(
    clients: Clients,
    place: Place,
    associations: Sequence[Listed],
    wanted: frozenset[Look],
    now: datetime,
    *,
    namespace: str,
) -> dict[str, Seen]:
    """By the association's id. Raises the reason where pods or service accounts are asked for and cannot be listed;
    what else cannot be read is not known."""
    from podid.ops.status.facts import stale_pods
    from podid.ops.status.look import look_with

    if not wanted or not associations:
        return {}
    also = sections_for(wanted)
    found = look_with(clients, place, associations, checks_for(wanted), also, now=now, namespace=namespace)
    pods, stale, accounts = None, frozenset[str](), None
    if "pods" in wanted:
        pods, stale = _by_account(_needed(found.snapshot.pods)), stale_pods(found)
    if "accounts" in wanted:
        accounts = {account.ref for account in _needed(found.snapshot.service_accounts)}
    statuses = {status.ref: status for status in found.report.identities}
    return {
        item.association_id: Seen(
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
