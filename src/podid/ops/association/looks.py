"""What a list shows beside the associations themselves: pods, service accounts, status. Each costs calls only where it
is wanted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeVar

from podid.domain.errors import AccessDenied, Unavailable
from podid.domain.findings import Outcome
from podid.domain.model import Listed, Pod
from podid.domain.names import ServiceAccountRef
from podid.domain.place import Place
from podid.domain.snapshot import Missing, Section
from podid.domain.status import IdentityState, IdentityStatus
from podid.domain.workloads import injected, live, opted_out
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.checks.base import Check
    from podid.ops.status.look import Diagnosis

T = TypeVar("T")

Look = Literal["pods", "accounts", "dangling", "status"]
NO_ACCOUNT = "association-sa-not-found"
DANGLING = (NO_ACCOUNT, "role-not-found")


@dataclass(frozen=True, slots=True)
class PodCounts:
    """The running pods of one association that the webhook serves, how many of them carry the injected fields, and how
    many are stale, as their status has it."""

    running: int = 0
    stale: int = 0
    injected: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one association: None where nobody asked. `dangling` is whether it names a service account or a
    role that does not exist."""

    pods: PodCounts | None = None
    account: bool | None = None
    status: IdentityStatus | None = None
    dangling: bool = False

    @property
    def stale(self) -> bool:
        return self.pods is not None and self.pods.stale > 0


def _count(name: str) -> Callable[[Seen], object]:
    return lambda seen: -1 if seen.pods is None else getattr(seen.pods, name)


# by what a list can be put in order that is read elsewhere; what is not known comes first
ORDERS: Mapping[str, Callable[[Seen], object]] = {
    **{name: _count(field) for name, field in (("pods", "running"), ("injected", "injected"), ("stale", "stale"))},
    "exists": lambda seen: str(seen.account),
    "status": lambda seen: -1 if seen.status is None or seen.status.state is None else seen.status.state.rank,
}


def checks_for(wanted: Collection[Look]) -> tuple[Check, ...]:
    """The checks that fill the columns: all of them for a status, those that a restart ends for stale pods."""
    from podid.checks.all import ALL
    from podid.domain.findings import Bearing

    if "status" in wanted:
        return ALL
    ids = {check.id for check in ALL if check.bearing is Bearing.RESTART} if "pods" in wanted else set()
    ids |= {*DANGLING} if "dangling" in wanted else {NO_ACCOUNT} if "accounts" in wanted else set()
    return tuple(check for check in ALL if check.id in ids)


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
    with a status, what cannot be read makes it unknown."""
    from podid.ops.status.look import look_with

    if not wanted or not associations:
        return {}
    found = look_with(clients, place, associations, checks_for(wanted), now=now, namespace=namespace)
    pods, accounts = None, None
    if "pods" in wanted:
        pods = _by_account(_needed(found.snapshot.pods))
    if "accounts" in wanted:
        accounts = {account.ref for account in _needed(found.snapshot.service_accounts)}
    statuses = {status.ref: status for status in found.report.identities}
    dangling = _dangling(found)
    return {
        item.association_id: Seen(
            pods=None if pods is None else _counted(pods.get(item.ref, ()), statuses[item.ref]),
            account=None if accounts is None else item.ref in accounts,
            status=statuses[item.ref] if "status" in wanted else None,
            dangling=str(item.ref) in dangling,
        )
        for item in associations
    }


def _needed(section: Section[tuple[T, ...]]) -> tuple[T, ...]:
    if isinstance(section, Missing):
        raise (AccessDenied if section.permission else Unavailable)(section.reason, permission=section.permission)
    return section.value


def _by_account(pods: Sequence[Pod]) -> Mapping[ServiceAccountRef, Sequence[Pod]]:
    found: dict[ServiceAccountRef, list[Pod]] = defaultdict(list)
    for pod in pods:
        if live(pod) and not opted_out(pod):
            found[pod.ref].append(pod)
    return found


def _counted(pods: Sequence[Pod], status: IdentityStatus) -> PodCounts:
    stale = sum(pod.state is IdentityState.STALE for pod in status.pods or ())
    return PodCounts(len(pods), stale, sum(map(injected, pods)))


def _dangling(found: Diagnosis) -> set[str]:
    failed = (v for v in found.report.verdicts if v.outcome is Outcome.FAIL and v.check in DANGLING)
    return {name for verdict in failed for name in verdict.chain}
