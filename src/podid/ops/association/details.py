"""Details of associations that cost more calls: pods, service accounts, roles, status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from podid.domain.aws import Association, Listed
from podid.domain.members import About
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Place
from podid.domain.section import Known, Missing, Section, required
from podid.domain.snapshot import Snapshot
from podid.domain.status import IdentityState, IdentityStatus
from podid.domain.workloads import injected, live, main_opted_out
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.checks.base import Check
    from podid.ops.change.journal import Journal

T = TypeVar("T")

Detail = Literal["pods", "accounts", "roles", "status", "owners"]
# the options and columns that require each
DETAILS: Mapping[Detail, str] = {
    "pods": "--pods, --stale: the running pods",
    "accounts": "--dangling, column exists: the service accounts",
    "roles": "--dangling, column role-exists: the roles",
    "status": "column status: the data that it depends on",
    "owners": "--owner, column owner: custom resources of ACK and Crossplane that own associations",
}
# the section that a detail requires besides those of its checks
SECTIONS: Mapping[Detail, str] = {"pods": "pods", "accounts": "service_accounts", "roles": "roles"}


@dataclass(frozen=True, slots=True)
class PodCounts:
    """The running pods of one association that the webhook serves, those with the injected fields, and those whose
    state is stale."""

    running: int = 0
    injected: Annotated[int, About("With the injected fields.")] = 0
    stale: Annotated[int, About("In the state stale: a restart gives them the credentials.")] = 0


@dataclass(frozen=True, slots=True)
class Details:
    """The details of one association, None for those that were not read. `account` and `role` are whether these exist;
    `unread` is why that of the role is not known."""

    pods: PodCounts | None = None
    account: bool | None = None
    role: bool | None = None
    unread: str = ""
    status: IdentityStatus | None = None

    @property
    def stale(self) -> bool:
        return self.pods is not None and self.pods.stale > 0

    @property
    def dangling(self) -> bool:
        return self.account is False or self.role is False


# sort keys of details; unknown values come first
ORDERS: Mapping[str, Callable[[Details], object]] = {
    "pods": lambda details: -1 if details.pods is None else details.pods.running,
    "injected": lambda details: -1 if details.pods is None else details.pods.injected,
    "stale": lambda details: -1 if details.pods is None else details.pods.stale,
    "exists": lambda details: str(details.account),
    "role-exists": lambda details: str(details.role),
    "status": lambda details: -1 if (status := details.status) is None or status.state is None else status.state.rank,
}


def checks_for(details: Collection[Detail]) -> tuple[Check, ...]:
    """Return the checks that the details require: all that a state depends on, and those that give advice about it."""
    from podid.checks.all import ALL
    from podid.checks.base import on_links
    from podid.checks.status import STATE_LINKS

    if "pods" not in details and "status" not in details:
        return ()
    return tuple(part for check in ALL if (part := on_links(check, STATE_LINKS)) is not None)


def sections_for(details: Collection[Detail]) -> tuple[str, ...]:
    return tuple(SECTIONS[detail] for detail in SECTIONS if detail in details)


def read_details(
    clients: Clients,
    place: Place,
    associations: Sequence[Listed],
    details: frozenset[Detail],
    now: datetime,
    *,
    namespace: str,
    journal: Journal | None,
) -> dict[str, Details]:
    """Return details by association ID. Raise if pods or service accounts are requested and cannot be listed; other
    values that cannot be read are unknown."""
    from podid.ops.status.diagnose import examine_listed

    if not details or not associations:
        return {}
    also = sections_for(details)
    checks = checks_for(details)
    diagnosis = examine_listed(
        clients, place, associations, checks, also, now=now, namespace=namespace, journal=journal
    )
    snapshot, counts, accounts = diagnosis.snapshot, dict[ServiceAccountRef, PodCounts](), None
    statuses = {status.ref: status for status in diagnosis.report.identities}
    if "pods" in details:
        carrying = Counter(
            pod.ref for pod in required(snapshot.pods) if live(pod) and injected(pod) and not main_opted_out(pod)
        )
        for ref, status in statuses.items():
            states = [pod.state for pod in status.pods or ()]
            counts[ref] = PodCounts(len(states), carrying[ref], states.count(IdentityState.STALE))
    if "accounts" in details:
        accounts = {account.ref for account in required(snapshot.service_accounts)}
    roles = {item.association_id: _role_exists(snapshot, item) for item in associations if "roles" in details}
    return {
        item.association_id: Details(
            pods=counts.get(item.ref, PodCounts()) if "pods" in details else None,
            account=None if accounts is None else item.ref in accounts,
            role=role.value if isinstance(role := roles.get(item.association_id), Known) else None,
            unread=role.reason if isinstance(role, Missing) else "",
            status=statuses[item.ref] if "status" in details else None,
        )
        for item in associations
    }


def _role_exists(snapshot: Snapshot, item: Listed) -> Section[bool]:
    from podid.facts.index import role_section

    if not isinstance(item, Association):
        return Missing(item.reason, item.permission)
    role = role_section(snapshot, item.role_arn)
    return role if isinstance(role, Missing) else Known(role.value is not None)
