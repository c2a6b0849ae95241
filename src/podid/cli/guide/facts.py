"""What a guided run knows of the place: read once, and the questions are made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from podid.domain.aws import AssociationSummary, Cluster, Role
from podid.domain.cluster import Pod, ServiceAccount
from podid.domain.errors import InvalidInput
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Section
from podid.domain.text import count_of, short_list
from podid.domain.trust import PodIdentity, TrustVerdict, evaluate, parse_policy
from podid.domain.workloads import live, workload_subject


@dataclass(frozen=True, slots=True)
class Account:
    """A service account, with its workloads by name and how many of their pods run. `exists` is False for one that only
    an association names."""

    ref: ServiceAccountRef
    workloads: Mapping[str, int]
    association: AssociationSummary | None = None
    exists: bool = True

    @property
    def pods(self) -> int:
        return sum(self.workloads.values())

    @property
    def words(self) -> str:
        """`Deployment orders, 2 pods`."""
        if not self.exists:
            return "does not exist"
        if not self.workloads:
            return "no pods"
        return f"{short_list(self.workloads, 1)}, {count_of(self.pods, 'pod')}"

    @property
    def owner(self) -> str:
        """The ARN of the add-on that owns its association; empty where none does."""
        return (self.association.owner_arn or "") if self.association is not None else ""


def _none() -> Known[Any]:
    return Known(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`clusters` are those to choose from, where nothing decides; all else is of `cluster`, once it is decided.
    `associated` are those with an association, also where the cluster cannot be looked into; `without_agent` is whether
    the cluster is seen to have no agent; `role_of` is the role of the one that was chosen, `goes_on` whether that has a
    target role, and `made` are names of roles that podid made here."""

    clusters: tuple[str, ...] = ()
    cluster: Cluster | None = None
    region: str = ""
    accounts: Section[tuple[Account, ...]] = field(default_factory=_none)
    associated: tuple[Account, ...] = ()
    roles: Section[tuple[Role, ...]] = field(default_factory=_none)
    without_agent: bool = False
    role_of: str = ""
    goes_on: bool = False
    made: frozenset[str] = frozenset()

    def account(self, ref: ServiceAccountRef) -> Account | None:
        """None for one that does not exist, or cannot be known."""
        known = self.accounts.value if isinstance(self.accounts, Known) else self.associated
        return next((account for account in known if account.ref == ref), None)

    def role(self, name: str) -> Role | None:
        known = self.roles.value if isinstance(self.roles, Known) else ()
        return next((role for role in known if role.name == name), None)


def accounts_of(
    found: Sequence[ServiceAccount], pods: Sequence[Pod], associations: Sequence[AssociationSummary]
) -> tuple[Account, ...]:
    """Every service account that exists or that has an association, sorted."""
    workloads: dict[ServiceAccountRef, dict[str, int]] = {}
    for pod in pods:
        if live(pod):
            subject = workload_subject(pod)
            its = workloads.setdefault(ServiceAccountRef(pod.namespace, pod.service_account), {})
            name = f"{subject.kind} {subject.name}"
            its[name] = its.get(name, 0) + 1
    associated = {item.ref: item for item in associations}
    existing = {account.ref for account in found}
    return tuple(
        Account(ref, workloads.get(ref, {}), associated.get(ref), ref in existing)
        for ref in sorted(existing | set(associated))
    )


def admits(role: Role, cluster: Cluster, ref: ServiceAccountRef) -> TrustVerdict:
    """Whether the role's trust policy admits the service account's pods. Of a list of roles the tags are not known."""
    try:
        who = PodIdentity(cluster.arn, ref.namespace, ref.name, role_tags=None)
        return evaluate(parse_policy(role.trust), who).verdict
    except InvalidInput:
        return TrustVerdict.UNKNOWN
