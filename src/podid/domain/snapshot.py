"""Everything a doctor looks at, read once.

A section is either known or missing with the permission (or the reason) that stood in the way. A check never fetches;
it declares the sections that it needs, and the runner gives `unknown` when one is missing.
"""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Generic, Literal, TypeVar

from podid.domain.addons import Addon, AddonVersion
from podid.domain.cost import EVIDENCE, Cost
from podid.domain.egress import Egress
from podid.domain.errors import PodidError
from podid.domain.grants import AssumeRights, PolicyNames
from podid.domain.instances import Instance
from podid.domain.karpenter import NodeClass
from podid.domain.model import (
    UNASKED,
    Cluster,
    DaemonSet,
    Decision,
    Listed,
    Node,
    NodeGroup,
    Pod,
    Role,
    ServiceAccount,
    Workload,
)
from podid.domain.names import ServiceAccountRef
from podid.domain.network import CiliumPolicy, NetworkPolicy
from podid.domain.products import ProductSetting
from podid.domain.sightings import LogSighting, Proof
from podid.domain.trail import NodeTrail
from podid.domain.webhook import WebhookRegistration

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class Missing:
    """`permission` is what the caller lacks ("iam:GetRole", "list nodes"), empty when it was not a matter of rights.
    `error_code` is the PodidError's code: AccessDenied, Unavailable, NotFound…"""

    reason: str
    permission: str = ""
    error_code: str = ""


Section = Known[T] | Missing

NOT_READ = Missing("not read: no selected check needs it", error_code=UNASKED)

# what a change brings about and cannot be known before, such as what a managed policy allows that it attaches
PLANNED = Missing("known only afterwards", error_code="Planned")

INTERNAL = "INTERNAL"


def missing(error: PodidError) -> Missing:
    return Missing(error.what, error.permission, error.code)


def section_of(found: T | PodidError) -> Section[T]:
    """What was found, or the error in its place."""
    return missing(found) if isinstance(found, PodidError) else Known(found)


def attempt(read: Callable[[], T]) -> Section[T]:
    """What `read` returns, or why it could not."""
    try:
        return Known(read())
    except PodidError as error:
        return missing(error)


def crashed(error: Exception) -> Missing:
    """A bug in podid stood in the way. Type and place only: the message of an exception may quote what was read."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
    return Missing(f"{INTERNAL}: {where}; this is a bug in podid", error_code=INTERNAL)


def known(section: Section[T]) -> T:
    """The value of a section that a check declared among its needs; LookupError when it is missing after all."""
    if isinstance(section, Missing):
        raise LookupError(f"section was read without being declared: {section.reason}")
    return section.value


def known_or(section: Section[T], default: T) -> T:
    """The value, or `default` where a missing section changes nothing in the answer but its detail."""
    return section.value if isinstance(section, Known) else default


Service = Literal["aws", "kubernetes"]

# where a section is read from, and what that costs
AWS = {"service": "aws", "cost": Cost.AWS}
TRAIL = {"service": "aws", "cost": Cost.TRAIL}
KUBERNETES = {"service": "kubernetes", "cost": Cost.KUBERNETES}
LOGS = {"service": "kubernetes", "cost": Cost.LOGS}
TOKEN = {"service": "kubernetes", "cost": Cost.TOKEN}
PROBE = {"service": "kubernetes", "cost": Cost.PROBE}


# eq=False: a snapshot is one reading, equal to itself only, and so can key a cache, which does not keep it alive
@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True, eq=False)
class Snapshot:
    """One reading of AWS and of the cluster. `roles`, `target_roles` and `role_policies` are keyed by the ARN that
    an association or a node group names; a role that IAM says does not exist is Known(None).

    `only_namespaces`, where there are any, are all that `associations`, `service_accounts`, `pods` and
    `workloads` cover; `agent_pods` and `daemon_sets` are read for the agent wherever it runs. Where service accounts
    were named, their associations alone are described; of the others there is an UnreadAssociation with code UNASKED.
    `targets` are service accounts that the user named: for these alone a missing association is worth a word."""

    taken_at: datetime
    cluster: Section[Cluster] = field(metadata=AWS)
    # each as far as it could be described; where none could, the section is missing
    associations: Section[tuple[Listed, ...]] = field(metadata=AWS)
    agent_addon: Section[Addon | None] = field(metadata=AWS)
    addons: Section[tuple[Addon, ...]] = field(metadata=AWS)
    # what EKS offers for the cluster's Kubernetes version; nothing where the add-on is not installed
    agent_versions: Section[tuple[AddonVersion, ...]] = field(metadata=AWS)
    node_groups: Section[tuple[NodeGroup, ...]] = field(metadata=AWS)
    roles: Section[Mapping[str, Section[Role | None]]] = field(metadata=AWS)
    target_roles: Section[Mapping[str, Section[Role | None]]] = field(metadata=AWS)
    # (association's role, target role) -> what iam:SimulatePrincipalPolicy says to both actions of the second hop
    target_rights: Section[Mapping[tuple[str, str], Section[tuple[Decision, ...]]]] = field(metadata=AWS)
    role_policies: Section[Mapping[str, Section[PolicyNames]]] = field(metadata=AWS)
    # role ARN -> what its policies say of going on to other roles
    assume_rights: Section[Mapping[str, Section[AssumeRights]]] = field(metadata=AWS)
    # role ARN, of one with a permissions boundary -> whether that may leave anything of what its policies allow
    bounded: Section[Mapping[str, Section[bool]]] = field(metadata=AWS)
    # roles of this account that those policies name
    chained_roles: Section[Mapping[str, Section[Role | None]]] = field(metadata=AWS)
    # node -> its EC2 instance
    instances: Section[Mapping[str, Instance]] = field(metadata=AWS)
    # node role ARN -> may it do what the VPC CNI does; empty where the CNI has no association
    cni_rights: Section[Mapping[str, Section[tuple[Decision, ...]]]] = field(metadata=AWS)
    # role ARN -> nodes that no managed node group and no Auto Mode accounts for: the role of their instance profile,
    # that of their EC2NodeClass, or the only one that an access entry lets join
    other_node_roles: Section[Mapping[str, tuple[str, ...]]] = field(metadata=AWS)
    # how packets leave the cluster's VPC
    egress: Section[Egress] = field(metadata=AWS)
    # node role ARN -> may it eks-auth:AssumeRoleForPodIdentity on the cluster, by iam:SimulatePrincipalPolicy
    node_role_allowed: Section[Mapping[str, Section[Decision]]] = field(metadata=AWS)
    namespaces: Section[frozenset[str]] = field(metadata=KUBERNETES)
    service_accounts: Section[tuple[ServiceAccount, ...]] = field(metadata=KUBERNETES)
    pods: Section[tuple[Pod, ...]] = field(metadata=KUBERNETES)
    nodes: Section[tuple[Node, ...]] = field(metadata=KUBERNETES)
    # Karpenter's, where a node names one
    node_classes: Section[tuple[NodeClass, ...]] = field(metadata=KUBERNETES)
    daemon_sets: Section[tuple[DaemonSet, ...]] = field(metadata=KUBERNETES)
    workloads: Section[tuple[Workload, ...]] = field(metadata=KUBERNETES)
    # what injects credentials into new pods; None if it is not registered
    webhook: Section[WebhookRegistration | None] = field(metadata=KUBERNETES)
    # (namespace, ConfigMap) whose keys become variables of an associated pod -> its keys, with no value but what a
    # NO_PROXY says of link-local addresses; None if it does not exist
    config_map_keys: Section[Mapping[tuple[str, str], Section[Mapping[str, str] | None]]] = field(metadata=KUBERNETES)
    # pods of the DaemonSets that run the Pod Identity agent, in whatever namespace these live
    agent_pods: Section[tuple[Pod, ...]] = field(metadata=KUBERNETES)
    network_policies: Section[tuple[NetworkPolicy, ...]] = field(metadata=KUBERNETES)
    # plural of a kind that the cluster knows -> what its objects say of credentials
    products: Section[Mapping[str, Section[tuple[ProductSetting, ...]]]] = field(metadata=KUBERNETES)
    # CSI driver -> audiences of the tokens that it is given; read only where an object of a product depends on them
    csi_drivers: Section[Mapping[str, frozenset[str]]] = field(metadata=KUBERNETES)
    # node -> by how many seconds the clock of its kubelet is ahead of the API server's
    clocks: Section[Mapping[str, int]] = field(metadata=KUBERNETES)
    # "NAMESPACE/NAME" of an agent DaemonSet without all its pods, or of a pod of it that does not start -> warnings
    agent_warnings: Section[Mapping[str, Section[tuple[str, ...]]]] = field(metadata=KUBERNETES)
    # read only where Cilium runs; elsewhere there is none
    cilium_policies: Section[tuple[CiliumPolicy, ...]] = field(metadata=KUBERNETES)
    # "NAMESPACE/NAME" of an agent pod -> what its log of the last hour shows; read where somebody asks for it
    agent_logs: Section[Mapping[str, Section[tuple[LogSighting, ...]]]] = field(metadata=LOGS)
    # node -> what CloudTrail has of the tokens that its agent did not get redeemed; read where somebody asks for it
    cloudtrail: Section[Mapping[str, Section[tuple[LogSighting, ...]]]] = field(metadata=TRAIL)
    # node -> what CloudTrail has of calls with its role, of nodes that host pods with credentials
    node_calls: Section[Mapping[str, Section[NodeTrail]]] = field(metadata=TRAIL)
    # role ARN -> how many percent of the room for session tags and policy its pods' sessions take
    packed: Section[Mapping[str, Section[int]]] = field(metadata=TRAIL)
    # "ns/name" -> what redeeming its pods' tokens came to; done where somebody asks for it
    proofs: Section[Mapping[str, Section[Proof]]] = field(metadata=TOKEN)
    # "ns/name" -> what a pod of podid's own met as that service account; run where somebody asks for it
    probes: Section[Mapping[str, Section[Proof]]] = field(metadata=PROBE)
    only_namespaces: tuple[str, ...] = ()
    targets: tuple[ServiceAccountRef, ...] = ()


# section -> its service, and its cost
SERVICES: Mapping[str, Service] = {f.name: f.metadata["service"] for f in fields(Snapshot) if f.metadata}
COSTS: Mapping[str, Cost] = {f.name: f.metadata["cost"] for f in fields(Snapshot) if f.metadata}
# sections that are read only where somebody asks for them
ON_REQUEST = frozenset(name for name, cost in COSTS.items() if cost & EVIDENCE)
