"""Everything about one service account: its association and roles, its workloads, and what each pod really uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from podid.checks.pod import injected_fields_hardcoded as own_address
from podid.checks.pod import static_aws_keys_shadow as own_keys
from podid.checks.shared.sdk import Brought, ConfigMapKeys, brought
from podid.domain.credentials import ContainerUse, CredentialCandidate, CredentialSource
from podid.domain.findings import Severity
from podid.domain.model import Association, Container, Pod, ServiceAccount
from podid.domain.names import ServiceAccountRef
from podid.domain.place import Place
from podid.domain.snapshot import Known, Missing, Section, attempt
from podid.domain.staleness import changed_at
from podid.domain.trail import DAYS, LastUse, last_use, of_association
from podid.domain.workloads import INJECTED_ENV, IRSA_ENV, live, on_fargate
from podid.ops.association.read import AssociationReading, read_association
from podid.ops.clients import Clients
from podid.ops.restart.targets import WorkloadRef, by_workload, is_stale
from podid.ops.role.read import RoleReading, read_policies

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader

ROLE_ARN = "AWS_ROLE_ARN"
NO_METADATA = "AWS_EC2_METADATA_DISABLED"
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
        PodUse(pod, workload, is_stale(pod, changed), tuple(_uses(pod, maps)))
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


def _uses(pod: Pod, maps: ConfigMapKeys) -> Iterator[ContainerUse]:
    """Init containers have ended."""
    for container in pod.containers:
        if not container.init:
            found = brought(maps, pod, container)
            yield ContainerUse(container.name, tuple(_candidates(pod, container, found)))


def _candidates(pod: Pod, container: Container, found: Brought) -> Iterator[CredentialCandidate]:
    """In the order in which an SDK asks; the last is never missing."""
    yield from _static(container, found)
    if (named := own_keys.profile(container, found)) is not None:
        yield CredentialCandidate(
            CredentialSource.PROFILE, f"{', '.join(named.variables)}; its file is not read", certain=False
        )
    if found.all_of(IRSA_ENV, ROLE_ARN):
        yield CredentialCandidate(CredentialSource.IRSA, container.env.get(ROLE_ARN) or ROLE_ARN)
    if (file := own_keys.file(container)) is not None and file.severity is not Severity.INFO:
        what = f"{', '.join(file.variables)}; it is not read"
        yield CredentialCandidate(CredentialSource.CREDENTIALS_FILE, what, certain=False)
    yield from _endpoint(pod, container, found)
    if on_fargate(pod, {}) or container.env.get(NO_METADATA, "").lower() == "true":
        yield CredentialCandidate(CredentialSource.NONE)
    else:
        yield CredentialCandidate(
            CredentialSource.NODE_ROLE, "if the node's metadata service answers pods", certain=False
        )


def _static(container: Container, found: Brought) -> Iterator[CredentialCandidate]:
    keys = own_keys.KEYS
    if found.all_of(*keys):
        yield CredentialCandidate(CredentialSource.STATIC_KEYS, ", ".join(found.named(*own_keys.OF_KEYS)))
        return
    if found.all_of(keys[0]) and not found.unseen:
        detail = f"{', '.join(found.named(keys[0]))} without its secret"
        yield CredentialCandidate(CredentialSource.STATIC_KEYS, detail, certain=False)
    if found.unseen and not all(name in container.blank for name in keys):
        what = "; ".join(f"envFrom {name}: {missing.reason}" for name, missing in found.unseen)
        yield CredentialCandidate(CredentialSource.STATIC_KEYS, what, certain=False)


def _endpoint(pod: Pod, container: Container, found: Brought) -> Iterator[CredentialCandidate]:
    if found.all_of(own_keys.RELATIVE_URI):
        yield CredentialCandidate(CredentialSource.OTHER_ENDPOINT, ", ".join(found.named(own_keys.RELATIVE_URI)))
    own = own_address.look(pod, container)
    if own is not None:
        what = f"{own.how} {', '.join(own.variables)}"
        yield CredentialCandidate(CredentialSource.OTHER_ENDPOINT, what, certain=own.severity is Severity.ERROR)
    elif container.sets(INJECTED_ENV[0]):
        yield CredentialCandidate(CredentialSource.POD_IDENTITY)
