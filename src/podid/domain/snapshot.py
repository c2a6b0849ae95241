"""Everything a doctor looks at, read once. A check never fetches; it declares the sections that it needs, and the
runner gives `unknown` when one is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal

from podid.domain.admission import WebhookRegistration
from podid.domain.aws import Addon, AddonVersion, Cluster, Decision, Instance, Listed, NodeGroup, Role
from podid.domain.cloudtrail import NodeTrail, PodSession, Redemption
from podid.domain.cluster import DaemonSet, Node, NodeClass, Pod, ServiceAccount, Workload
from podid.domain.evidence import DryRun, LogSighting, Probed, RecentChanges, TokenTrial
from podid.domain.iam import AssumePermissions, PolicyNames
from podid.domain.names import ServiceAccountRef
from podid.domain.network import CiliumPolicy, Egress, NetworkPolicy
from podid.domain.products import ProductSetting
from podid.domain.section import (
    EVIDENCE,
    FREE,
    INTERNAL,
    NOT_READ,
    Cost,
    Known,
    Missing,
    Section,
    attempt,
    crashed,
    error_of,
    known,
    known_or,
    missing,
    part,
    section_of,
)

# what a change brings about and cannot be known before, such as what a managed policy allows that it attaches
PLANNED = Missing("known only afterwards", error_code="Planned")

Service = Literal["aws", "kubernetes", "journal"]

# where a section is read from, and what that costs
AWS = {"service": "aws", "cost": Cost.AWS}
TRAIL = {"service": "aws", "cost": Cost.TRAIL}
KUBERNETES = {"service": "kubernetes", "cost": Cost.KUBERNETES}
LOGS = {"service": "kubernetes", "cost": Cost.LOGS}
DRY_RUN = {"service": "kubernetes", "cost": Cost.DRY_RUN}
TOKEN = {"service": "kubernetes", "cost": Cost.TOKEN}
PROBE = {"service": "kubernetes", "cost": Cost.PROBE}
JOURNAL = {"service": "journal", "cost": FREE}


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
    target_permissions: Section[Mapping[tuple[str, str], Section[tuple[Decision, ...]]]] = field(metadata=AWS)
    role_policies: Section[Mapping[str, Section[PolicyNames]]] = field(metadata=AWS)
    # role ARN -> what its policies say of going on to other roles
    assume_permissions: Section[Mapping[str, Section[AssumePermissions]]] = field(metadata=AWS)
    # role ARN, of one with a permissions boundary -> whether that may leave anything of what its policies allow
    bounded: Section[Mapping[str, Section[bool]]] = field(metadata=AWS)
    # roles of this account that those policies name
    chained_roles: Section[Mapping[str, Section[Role | None]]] = field(metadata=AWS)
    # node -> its EC2 instance
    instances: Section[Mapping[str, Instance]] = field(metadata=AWS)
    # node role ARN -> may it do what the VPC CNI does; empty where the CNI has no association
    cni_permissions: Section[Mapping[str, Section[tuple[Decision, ...]]]] = field(metadata=AWS)
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
    # namespace of an agent DaemonSet without all its pods -> the Pod Security level that it enforces, empty for none
    pod_security: Section[Mapping[str, str]] = field(metadata=KUBERNETES)
    # read only where Cilium runs; elsewhere there is none
    cilium_policies: Section[tuple[CiliumPolicy, ...]] = field(metadata=KUBERNETES)
    # "NAMESPACE/NAME" of an agent pod that ends again and again -> why, by the end of its log
    agent_crashes: Section[Mapping[str, Section[tuple[LogSighting, ...]]]] = field(metadata=KUBERNETES)
    # "NAMESPACE/NAME" of an agent pod -> what its log of the last hour shows; read where somebody asks for it
    agent_logs: Section[Mapping[str, Section[tuple[LogSighting, ...]]]] = field(metadata=LOGS)
    # node -> what CloudTrail has of the tokens that its agent did not get redeemed; read where somebody asks for it
    cloudtrail: Section[Mapping[str, Section[tuple[LogSighting, ...]]]] = field(metadata=TRAIL)
    # what was asked of EKS Auth for this cluster, newest first, by agents and by others
    redemptions: Section[tuple[Redemption, ...]] = field(metadata=TRAIL)
    # node -> what CloudTrail has of calls with its role, of nodes that host pods with credentials
    node_calls: Section[Mapping[str, Section[NodeTrail]]] = field(metadata=TRAIL)
    # role ARN of an association -> the sessions of it that CloudTrail has, of pods of any cluster, newest first
    sessions: Section[Mapping[str, Section[tuple[PodSession, ...]]]] = field(metadata=TRAIL)
    # "ns/name" -> tokens of its live pods, as they were redeemed; none where it has no such pod
    tokens: Section[Mapping[str, Section[tuple[TokenTrial, ...]]]] = field(metadata=TOKEN)
    # "ns/name" -> dry runs of a new pod of it, added up over the snapshots that this one was read again from
    dry_runs: Section[Mapping[str, Section[DryRun]]] = field(metadata=DRY_RUN)
    # "ns/name" -> what pods of podid's own met as that service account, one on a node
    probes: Section[Mapping[str, Section[tuple[Probed, ...]]]] = field(metadata=PROBE)
    # what podid itself changed in the last hours
    changes: Section[RecentChanges] = field(metadata=JOURNAL)
    only_namespaces: tuple[str, ...] = ()
    targets: tuple[ServiceAccountRef, ...] = ()


# section -> its service, and its cost
SERVICES: Mapping[str, Service] = {f.name: f.metadata["service"] for f in fields(Snapshot) if f.metadata}
COSTS: Mapping[str, Cost] = {f.name: f.metadata["cost"] for f in fields(Snapshot) if f.metadata}
# sections that are read only where somebody asks for them
ON_REQUEST = frozenset(name for name, cost in COSTS.items() if cost & EVIDENCE)
