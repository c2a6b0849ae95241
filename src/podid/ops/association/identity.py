"""Everything about one service account: its association and roles, its workloads, and what each pod really uses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from podid.checks.shared.sdk import ConfigMapKeys
from podid.checks.shared.uses import uses_of
from podid.domain.credentials import ContainerUse
from podid.domain.model import Association, Pod, ServiceAccount
from podid.domain.names import ServiceAccountRef
from podid.domain.place import Place
from podid.domain.snapshot import Known, Missing, Section, attempt
from podid.domain.staleness import changed_at
from podid.domain.trail import DAYS, LastUse, last_use, of_association
from podid.domain.workloads import live
from podid.ops.association.read import AssociationReading, read_association
from podid.ops.clients import Clients
from podid.ops.restart.targets import WorkloadRef, by_workload, is_stale
from podid.ops.role.read import RoleReading, read_policies

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader

# CloudTrail gives fifty at a time, twice a second
_MOST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class PodUse:
    """A running pod and what each of its containers uses. `stale` is whether it lacks the injected fields or may still
    act as the association was."""

    pod: Pod
    workload: WorkloadRef
    stale: bool
    containers: tuple[ContainerUse, ...]


@dataclass(frozen=True, slots=True)
class IdentityReading:
    """`permissions` are those of the association's role; `last_use` is None where CloudTrail was not asked. What could
    not be read says why."""

    reading: AssociationReading
    permissions: Section[RoleReading]
    account: Section[ServiceAccount | None]
    pods: Section[tuple[PodUse, ...]]
    last_use: Section[LastUse] | None = None


def read_identity(
    clients: Clients, place: Place, ref: ServiceAccountRef, now: datetime, *, cloudtrail: bool = False
) -> IdentityReading:
    """Raises as `read_association`; never for what else cannot be read. `cloudtrail` is whether to look there for the
    last use."""
    reading = read_association(clients, place, ref)
    role = reading.role
    permissions: Section[RoleReading] = Missing(reading.not_evaluated, reading.permission)
    if role is not None:
        permissions = attempt(lambda: read_policies(clients.iam, role))
    changed = changed_at(reading.association, now)
    return IdentityReading(
        reading,
        permissions,
        attempt(lambda: clients.kube.reader.find_service_account(ref)),
        attempt(lambda: _pods(clients.kube.reader, ref, changed)),
        attempt(lambda: _last_use(clients, reading.association, place, now)) if cloudtrail else None,
    )


def _last_use(clients: Clients, association: Association, place: Place, now: datetime) -> LastUse:
    since = now - timedelta(days=DAYS)
    fits = of_association(association.ref, place.the_cluster.arn, tagged=not association.disable_session_tags)
    return last_use(clients.cloudtrail.iter_sessions(association.role_arn, since), fits, since, _MOST_EVENTS)


def _pods(reader: KubeReader, ref: ServiceAccountRef, changed: datetime | None) -> tuple[PodUse, ...]:
    pods = [pod for pod in reader.list_pods(ref.namespace, service_account=ref.name) if live(pod)]
    maps = _config_maps(reader, pods)
    return tuple(
        PodUse(pod, workload, is_stale(pod, changed), uses_of(pod, maps))
        for workload, its in sorted(by_workload(reader, pods).items())
        for pod in sorted(its, key=lambda pod: pod.name)
    )


def _config_maps(reader: KubeReader, pods: Sequence[Pod]) -> ConfigMapKeys:
    named = dict.fromkeys(
        (pod.namespace, source.name)
        for pod in pods
        for container in pod.containers
        for source in container.env_from
        if source.kind == "ConfigMap"
    )
    return Known({pair: attempt(partial(reader.find_config_map_keys, *pair)) for pair in named})
