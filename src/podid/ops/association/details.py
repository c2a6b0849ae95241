"""Details of associations that cost more calls: pods, service accounts, roles, status."""

from __future__ import annotations

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
from podid.domain.status import IdentityStatus
from podid.domain.workloads import injected, live, opted_out
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
    """The running pods of one association that the webhook serves, those with the injected fields, and the stale ones:
    a restart fixes a check that fails for them."""

    running: int = 0
    injected: Annotated[int, About("With the injected fields.")] = 0
    stale: Annotated[
        int, About("Without the injected fields, or started before a change that may not have reached them.")
    ] = 0


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
    """Return the checks that the details require: for the status all that it depends on, for pods those that a restart
    fixes."""
    from podid.checks.all import ALL
    from podid.checks.base import on_links
    from podid.checks.status import STATE_LINKS
    from podid.domain.findings import Bearing

    if "status" in details:
        parts = (on_links(check, STATE_LINKS) for check in ALL if check.bearing is not Bearing.ADVICE)
        return tuple(check for check in parts if check is not None)
    return tuple(c for c in ALL if "pods" in details and c.bearing is Bearing.RESTART)


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
    from podid.ops.status.facts import stale_pods

    if not details or not associations:
        return {}
    also = sections_for(details)
    checks = checks_for(details)
    diagnosis = examine_listed(
        clients, place, associations, checks, also, now=now, namespace=namespace, journal=journal
    )
    snapshot, counts, accounts = diagnosis.snapshot, dict[ServiceAccountRef, PodCounts](), None
    if "pods" in details:
        stale = stale_pods(diagnosis)
        served = [pod for pod in required(snapshot.pods) if live(pod) and not opted_out(pod)]
        for pod in served:
            count = counts.get(pod.ref, PodCounts())
            late = f"{pod.namespace}/{pod.name}" in stale
            counts[pod.ref] = PodCounts(count.running + 1, count.injected + injected(pod), count.stale + late)
    if "accounts" in details:
        accounts = {account.ref for account in required(snapshot.service_accounts)}
    statuses = {status.ref: status for status in diagnosis.report.identities}
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
