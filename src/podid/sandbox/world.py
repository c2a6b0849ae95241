"""The state of the sandbox's account: clusters, associations, add-ons, access keys, and the delays between them.

One lock guards the state; API handlers hold it during a call. contract.py lists the members that the Kubernetes half
uses. Times are seconds since the epoch by `World.clock`; durations are in seconds.
"""

import json
import secrets
import string
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from podid.sandbox.contract import AgentAddon, Before, KubernetesHalf, SandboxClock
from podid.sandbox.credentials import KeyRing
from podid.sandbox.faults import TrailRate

AGENT_ADDON = "eks-pod-identity-agent"
_ID_CHARACTERS = string.ascii_lowercase + string.digits
# AWS keeps 90 days; a sandbox does not run that long
_TRAIL_EVENTS = 20_000


@dataclass(slots=True)
class Delays:
    """The delays of AWS. Each field may be changed at any time.

    association: until a created, changed or deleted association reaches the webhook and EKS Auth. role: until a created
    role or a changed trust policy reaches EKS. delete: as long as a deleted association blocks a create for the same
    service account (ResourceInUseException). addon: as long as an add-on stays in CREATING, UPDATING or DELETING.
    trail: until a call shows in CloudTrail's event history (a few minutes on AWS). report: until IAM has created a
    report on last use. lags: until a list or a description of EKS and IAM shows a change, by operation
    (`ListPodIdentityAssociations`, with wildcards).
    """

    association: float = 2.0
    role: float = 0.0
    delete: float = 0.0
    addon: float = 2.0
    trail: float = 0.0
    report: float = 1.0
    lags: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Limits:
    """Quotas of the account; EKS's default is 5,000 associations a cluster."""

    associations_per_cluster: int = 5000


@dataclass(frozen=True, slots=True)
class AssociationRecord:
    """A pod identity association as EKS stores it."""

    cluster_name: str
    namespace: str
    service_account: str
    role_arn: str
    arn: str
    id: str
    created_at: float
    modified_at: float
    owner_arn: str | None = None
    disable_session_tags: bool = False
    target_role_arn: str | None = None
    external_id: str | None = None
    policy: str | None = None
    previous: "AssociationRecord | None" = None
    deleted_at: float | None = None

    @property
    def subject(self) -> tuple[str, str]:
        return self.namespace, self.service_account


@dataclass(slots=True)
class AddonUpdate:
    """The data of DescribeUpdate about one UpdateAddon."""

    id: str
    status: str
    params: list[dict[str, str]]
    created_at: float
    errors: list[dict[str, object]] = field(default_factory=list)


@dataclass(slots=True)
class AddonRecord:
    """An installed add-on. At `due` its status becomes `next_status`; "" deletes the add-on."""

    name: str
    version: str
    status: str
    arn: str
    created_at: float
    modified_at: float
    namespace: str
    configuration: str | None = None
    service_account_role_arn: str | None = None
    association_ids: list[str] = field(default_factory=list)
    issues: list[dict[str, object]] = field(default_factory=list)
    updates: dict[str, AddonUpdate] = field(default_factory=dict)
    due: float | None = None
    next_status: str = ""
    preserve: bool = False


@dataclass(frozen=True, slots=True)
class AddonFault:
    """The final status of the next create or update of an add-on instead of ACTIVE, and its health issue."""

    status: str
    code: str = "InsufficientNumberOfReplicas"
    message: str = "The add-on is unhealthy because it doesn't have the desired number of replicas."


@dataclass(frozen=True, slots=True)
class UsageReport:
    """A job of IAM that reports the last use of a principal's permissions, and its requester."""

    arn: str
    granularity: str
    caller: str
    made_at: float


@dataclass(slots=True)
class ClusterRecord:
    """A cluster. `body`, node groups, profiles and entries use the API's spelling."""

    name: str
    arn: str
    version: str
    body: dict[str, Any]
    associations: dict[str, AssociationRecord] = field(default_factory=dict)
    by_subject: dict[tuple[str, str], str] = field(default_factory=dict)
    deleted: list[AssociationRecord] = field(default_factory=list)
    addons: dict[str, AddonRecord] = field(default_factory=dict)
    preserved: dict[str, AddonRecord] = field(default_factory=dict)
    nodegroups: dict[str, dict[str, Any]] = field(default_factory=dict)
    fargate_profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    access_entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    insights: dict[str, dict[str, Any]] = field(default_factory=dict)
    access_policies: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Principal -> ARN of an access policy of its access entry -> the scope."""
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrailEvent:
    """One event of CloudTrail as in LookupEvents; `at` is in seconds since the epoch."""

    at: float
    event: dict[str, Any]


class World:
    """One account in one region, with cluster `cluster_name` and possibly others."""

    def __init__(
        self,
        *,
        account: str = "111122223333",
        region: str = "us-west-2",
        partition: str = "aws",
        cluster_name: str = "demo",
    ) -> None:
        self.account = account
        self.region = region
        self.partition = partition
        self.cluster_name = cluster_name
        self.lock = threading.RLock()
        self.clock = SandboxClock()
        self.delays = Delays()
        self.limits = Limits()
        self.credentials = KeyRing(self.clock)
        self.clusters: dict[str, ClusterRecord] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.resource_policies: dict[str, dict[str, Any]] = {}
        self.addon_faults: dict[str, AddonFault] = {}
        self.trail: deque[TrailEvent] = deque(maxlen=_TRAIL_EVENTS)
        self.trail_rate = TrailRate()
        self.accesses: dict[tuple[str, str, str], tuple[float, str]] = {}
        """Role, service and action -> when it was last tried, and in which region."""
        self.reports: dict[str, UsageReport] = {}
        self.stacks: dict[str, tuple[str, ...]] = {}
        """CloudFormation stack -> the names of its roles."""
        self.organization: dict[str, str] = {}
        """The accounts of the organization, each with its state; empty outside of one."""
        self.kubernetes: KubernetesHalf | None = None
        self._listeners: list[Callable[[str], None]] = []
        self._pending: list[str] = []

    # Members that the Kubernetes half uses.

    @property
    def cluster_arn(self) -> str:
        return self.arn(f"cluster/{self.cluster_name}")

    def attach_kubernetes(self, half: KubernetesHalf | None) -> None:
        """Connect the Kubernetes half: DescribeCluster and EKS Auth use it from now on."""
        self.kubernetes = half

    def subscribe(self, callback: Callable[[str], None]) -> None:
        """Call `callback("associations" | "addons")` after each change, on the thread of the API call.

        The lock of the World is free during the callback, so the callback may take its own lock and read the World.
        """
        self._listeners.append(callback)

    def changed(self, resource: str) -> None:
        """Record a change. `notify` reports it."""
        with self.lock:
            if resource not in self._pending:
                self._pending.append(resource)

    def notify(self) -> None:
        """Call the listeners for the recorded changes. The caller must not hold the lock."""
        with self.lock:
            pending, self._pending = self._pending, []
        for resource in pending:
            for listener in tuple(self._listeners):
                listener(resource)

    def pod_identity_enabled(self, namespace: str, service_account: str) -> bool:
        """Return whether the webhook would inject a pod created now. The webhook lags by `delays.association`."""
        return self.association_in_effect(self.cluster_name, namespace, service_account) is not None

    def agent_addon(self) -> AgentAddon | None:
        """Return the agent add-on of the main cluster, also one deleted with `preserve`; otherwise None."""
        with self.lock:
            cluster = self.clusters.get(self.cluster_name)
            if cluster is None:
                return None
            self.settle(cluster)
            addon = cluster.addons.get(AGENT_ADDON) or cluster.preserved.get(AGENT_ADDON)
            if addon is None:
                return None
            return AgentAddon(addon.status, addon.version, decode_configuration(addon.configuration))

    # Members that the API handlers use.

    def arn(self, resource: str) -> str:
        """Return an EKS ARN of this account and region."""
        return f"arn:{self.partition}:eks:{self.region}:{self.account}:{resource}"

    def association_in_effect(
        self, cluster_name: str, namespace: str, service_account: str
    ) -> AssociationRecord | None:
        """Return the association as EKS Auth and the webhook use it now, with the delay `delays.association`."""
        with self.lock:
            cluster = self.clusters.get(cluster_name)
            if cluster is None:
                return None
            seen_until = self.clock.now() - self.delays.association
            subject = (namespace, service_account)
            for gone in reversed(cluster.deleted):
                if gone.subject == subject and gone.deleted_at is not None and gone.deleted_at > seen_until:
                    return _as_of(gone, seen_until)
            current = cluster.by_subject.get(subject)
            return _as_of(cluster.associations[current], seen_until) if current else None

    def put_association(self, cluster: ClusterRecord, association: AssociationRecord) -> None:
        cluster.associations[association.id] = association
        cluster.by_subject[association.subject] = association.id

    def history(self, association: AssociationRecord) -> AssociationRecord:
        """Return the versions that an update keeps: earlier versions only as long as a caller may still get them."""
        if association.modified_at > self.clock.now() - self.delays.association:
            return association
        return replace(association, previous=None)

    def remove_association(self, cluster: ClusterRecord, association_id: str) -> AssociationRecord:
        association = cluster.associations.pop(association_id)
        cluster.by_subject.pop(association.subject, None)
        now = self.clock.now()
        horizon = now - max(self.delays.association, self.delays.delete)
        cluster.deleted = [gone for gone in cluster.deleted if (gone.deleted_at or 0) > horizon]
        cluster.deleted.append(replace(association, deleted_at=now))
        self.tags.pop(association.arn, None)
        return association

    def settle(self, cluster: ClusterRecord) -> None:
        """Carry out the add-on transitions that are due."""
        now = self.clock.now()
        for addon in list(cluster.addons.values()):
            if addon.due is None or addon.due > now:
                continue
            addon.due = None
            if addon.next_status == "":
                del cluster.addons[addon.name]
                if addon.preserve:
                    cluster.preserved[addon.name] = addon
                self.tags.pop(addon.arn, None)
                continue
            addon.status, addon.modified_at = addon.next_status, now
            ended_well = addon.status == "ACTIVE"
            for update in addon.updates.values():
                if update.status == "InProgress":
                    update.status = "Successful" if ended_well else "Failed"
                    update.errors = [] if ended_well else [_as_update_error(issue) for issue in addon.issues]

    def ids(self) -> frozenset[str]:
        """Return the ids of all associations and add-ons."""
        ids: list[str] = []
        for cluster in self.clusters.values():
            ids += [association.id for association in (*cluster.associations.values(), *cluster.deleted)]
            ids += [addon.arn for addon in cluster.addons.values()]
        return frozenset(ids)

    def grow_older(self, seconds: float, before: Before) -> None:
        """Move the times of associations and add-ons back by `seconds`. The objects in `before` keep their earlier
        times, and pending changes are due earlier by `seconds`. The caller holds the lock."""
        for cluster in self.clusters.values():
            cluster.associations = {
                key: _older(association, seconds, before) for key, association in cluster.associations.items()
            }
            cluster.deleted = [_older(association, seconds, before) for association in cluster.deleted]
            for addon in cluster.addons.values():
                addon.created_at = before.older(addon.created_at, seconds, addon.arn)
                addon.modified_at = before.older(addon.modified_at, seconds, addon.arn)
                addon.due = None if addon.due is None else addon.due - seconds
                for update in addon.updates.values():
                    update.created_at = before.older(update.created_at, seconds, addon.arn)

    def reset(self) -> None:
        """Empty the account and remove the listeners. Delays, limits, keys and the clock stay."""
        with self.lock:
            self.clusters.clear()
            self.tags.clear()
            self.resource_policies.clear()
            self.addon_faults.clear()
            self.trail.clear()
            self.accesses.clear()
            self.stacks.clear()
            self.reports.clear()
            self.organization.clear()
            self.trail_rate = TrailRate()
            self.credentials.allow_again()
            self._listeners.clear()


def _older(association: AssociationRecord, seconds: float, before: Before) -> AssociationRecord:
    move = partial(before.older, seconds=seconds, of=association.id)
    return replace(
        association,
        created_at=move(association.created_at),
        modified_at=move(association.modified_at),
        deleted_at=None if association.deleted_at is None else move(association.deleted_at),
        previous=None if association.previous is None else _older(association.previous, seconds, before),
    )


def _as_of(association: AssociationRecord, moment: float) -> AssociationRecord | None:
    """Return the newest version that existed at `moment`."""
    version: AssociationRecord | None = association
    while version is not None and version.modified_at > moment:
        version = version.previous
    return version


def _as_update_error(issue: dict[str, object]) -> dict[str, object]:
    return {"errorCode": issue["code"], "errorMessage": issue["message"], "resourceIds": issue.get("resourceIds", [])}


def decode_configuration(text: str | None) -> dict[str, object]:
    """Return configuration values (JSON or YAML) as a mapping; empty for none."""
    if not text:
        return {}
    try:
        values = json.loads(text)
    except ValueError:
        import yaml

        values = yaml.safe_load(text)
    return values if isinstance(values, dict) else {}


def new_id(prefix: str = "", length: int = 17) -> str:
    """Return a random id of lower-case letters and digits, as in EKS."""
    return prefix + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(length))
