"""What a list shows beside the associations themselves: pods, service accounts, health. Each costs calls only where it
is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from podid.domain import trust
from podid.domain.errors import PodidError
from podid.domain.model import Association, Cluster, Listed, Role
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.place import Place
from podid.ops.association.counts import PodCounts, PodsByAccount, count_pods, served_pods
from podid.ops.clients import Clients
from podid.ops.role.plan import identity

Look = Literal["pods", "accounts", "roles"]
NO_ACCOUNT, NO_ROLE = "association-sa-not-found", "role-not-found"
OK, UNKNOWN, STALE = "ok", "unknown", "stale"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at of one association: None where nobody asked. `role` is ok, unknown or the id of the failure
    mode that the role or its trust shows."""

    pods: PodCounts | None = None
    account: bool | None = None
    role: str | None = None

    @property
    def health(self) -> str | None:
        """What is broken of the service account, the role and its trust, by its failure mode; else `stale` where pods
        were looked at and have to be restarted, else unknown or ok. None where not all of it was looked at."""
        if self.role is None or self.account is None:
            return None
        if not self.account:
            return NO_ACCOUNT
        return STALE if self.stale and self.role in (OK, UNKNOWN) else self.role

    @property
    def stale(self) -> bool:
        return self.pods is not None and self.pods.stale > 0

    @property
    def dangling(self) -> bool:
        """Whether it names a service account or a role that does not exist."""
        return self.account is False or self.role == NO_ROLE


def _count(name: str) -> Callable[[Seen], object]:
    return lambda seen: -1 if seen.pods is None else getattr(seen.pods, name)


# by what a list can be put in order that is looked at elsewhere; what is not known comes first
ORDERS: Mapping[str, Callable[[Seen], object]] = {
    **{name: _count(field) for name, field in (("pods", "running"), ("injected", "injected"), ("stale", "stale"))},
    "exists": lambda seen: str(seen.account),
    "health": lambda seen: seen.health or "",
}


class Looker:
    """What is looked at of the associations of one place. Pods and service accounts are listed once, when the first is
    looked at; each role is read once."""

    def __init__(
        self, clients: Clients, place: Place, wanted: frozenset[Look], now: datetime, *, namespace: str | None
    ) -> None:
        self._clients, self._place, self._wanted, self._now = clients, place, wanted, now
        self._namespace = namespace or ""
        self._roles: dict[str, Role | PodidError | None] = {}

    @cached_property
    def _pods(self) -> PodsByAccount:
        return served_pods(self._clients.kube.reader, self._namespace)

    @cached_property
    def _accounts(self) -> frozenset[ServiceAccountRef]:
        return frozenset(item.ref for item in self._clients.kube.reader.list_service_accounts(self._namespace))

    def look_at(self, associations: Sequence[Listed]) -> dict[str, Seen]:
        """By the association's id; those that could not be read are left out. Raises the reason where pods or service
        accounts cannot be listed; a role that cannot be read is unknown."""
        known = [item for item in associations if isinstance(item, Association)]
        if not self._wanted or not known:
            return {}
        if "roles" in self._wanted:
            new = sorted({role_name(item.role_arn) for item in known} - self._roles.keys())
            self._roles.update(self._clients.iam.find_roles(new))
        return {item.association_id: self._seen(item) for item in known}

    def _seen(self, item: Association) -> Seen:
        role = self._roles.get(role_name(item.role_arn))
        return Seen(
            count_pods(self._pods, item, self._now) if "pods" in self._wanted else None,
            item.ref in self._accounts if "accounts" in self._wanted else None,
            _judged(item, self._place.the_cluster, role) if "roles" in self._wanted else None,
        )


def _judged(item: Association, cluster: Cluster, role: Role | PodidError | None) -> str:
    if isinstance(role, PodidError):
        return UNKNOWN
    # IAM knows roles by name alone: one under another path is not the association's
    if role is None or role.arn != item.role_arn:
        return NO_ROLE
    who = identity(cluster, item.ref, session_tags=item.session_tags, role=role)
    try:
        found = trust.evaluate(trust.parse_policy(role.trust), who)
    except trust.TrustPolicyError:
        return UNKNOWN
    if found.verdict is trust.TrustVerdict.UNKNOWN:
        return UNKNOWN
    if found.verdict is trust.TrustVerdict.MATCH:
        return OK
    return next((finding.id for finding in found.findings if finding.id != trust.TOO_BROAD), "trust-wrong-principal")
