"""The data that the checks use, read once. A check does not read anything itself: it declares the sections that it
needs, and the runner returns `unknown` if one is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal

from podid.domain.aws import (
    AccessPolicy,
    Addon,
    AddonVersion,
    Cluster,
    Decision,
    Instance,
    Listed,
    NodeGroup,
    Role,
    UpgradeInsight,
)
from podid.domain.cloudtrail import NodeTrail, PodSession, Redemption
from podid.domain.cluster import DaemonSet, Node, NodeClass, Pod, ServiceAccount, Workload
from podid.domain.declaration import Guard
from podid.domain.evidence import DryRun, LogSighting, Probed, RecentChanges, TokenTrial
from podid.domain.exposure import AccessKey, IdentityGrant
from podid.domain.iam import AssumePermissions, Document, PolicyNames, Principal
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
    whole,
)
from podid.domain.workloads import WebhookRegistration

# a result of a change that is not known before, such as the permissions of a managed policy that it attaches
PLANNED = Missing("known only after the change", error_code="Planned")

Service = Literal["aws", "kubernetes", "journal"]

# service and cost of a section
AWS = {"service": "aws", "cost": Cost.AWS}
TRAIL = {"service": "aws", "cost": Cost.TRAIL}
KUBERNETES = {"service": "kubernetes", "cost": Cost.KUBERNETES}
LOGS = {"service": "kubernetes", "cost": Cost.LOGS}
DRY_RUN = {"service": "kubernetes", "cost": Cost.DRY_RUN}
TOKEN = {"service": "kubernetes", "cost": Cost.TOKEN}
SECRETS = {"service": "kubernetes", "cost": Cost.SECRETS}
PROBE = {"service": "kubernetes", "cost": Cost.PROBE}
METADATA = {"service": "kubernetes", "cost": Cost.METADATA}
JOURNAL = {"service": "journal", "cost": FREE}


# eq=False: a snapshot equals only itself, so it can be the key of a cache of weak references
@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True, eq=False)
class Snapshot:
    """One reading of AWS and of the cluster. The keys of `roles`, `target_roles` and `role_policies` are the ARNs in
    associations and node groups; a role that does not exist is Known(None).

    `only_namespaces`, if any, limit `associations`, `service_accounts`, `pods` and `workloads`, but not `agent_pods`
    and `daemon_sets`. If service accounts are specified, only their associations are described; the others are an
    UnreadAssociation with code UNASKED. `targets` are the specified service accounts: only for these a missing
    association is reported. `guards` are the rules of `podid audit --policy`.
    """

    taken_at: datetime
    cluster: Section[Cluster] = field(metadata=AWS)
    # each as far as it could be described; missing if none could be
    associations: Section[tuple[Listed, ...]] = field(metadata=AWS)
    agent_addon: Section[Addon | None] = field(metadata=AWS)
    addons: Section[tuple[Addon, ...]] = field(metadata=AWS)
    # the versions that EKS offers for the cluster's Kubernetes version; none if the add-on is not installed
    agent_versions: Section[tuple[AddonVersion, ...]] = field(metadata=AWS)
    # the versions for the next Kubernetes version; none if EKS does not offer that yet, or the add-on is not installed
    agent_next_versions: Section[tuple[AddonVersion, ...]] = field(metadata=AWS)
    # numbers of IAM entities and their quotas, by IAM's names
    account_quotas: Section[Mapping[str, int]] = field(metadata=AWS)
    # findings of EKS about the next upgrade of Kubernetes
    upgrade_insights: Section[tuple[UpgradeInsight, ...]] = field(metadata=AWS)
    node_groups: Section[tuple[NodeGroup, ...]] = field(metadata=AWS)
    roles: Section[Mapping[str, Section[Role | None]]] = field(metadata=AWS)
    target_roles: Section[Mapping[str, Section[Role | None]]] = field(metadata=AWS)
    # (association's role, target role) -> iam:SimulatePrincipalPolicy for both actions of the role chaining
    target_permissions: Section[Mapping[tuple[str, str], Section[tuple[Decision, ...]]]] = field(metadata=AWS)
    role_policies: Section[Mapping[str, Section[PolicyNames]]] = field(metadata=AWS)
    # role ARN -> its policies, by name of the inline and by ARN of the managed ones
    permission_policies: Section[Mapping[str, Section[Mapping[str, Section[Document]]]]] = field(metadata=AWS)
    # the same of target roles in the account of the cluster
    target_policies: Section[Mapping[str, Section[Mapping[str, Section[Document]]]]] = field(metadata=AWS)
    # ARN of a permissions boundary of a role or target role -> its document
    boundaries: Section[Mapping[str, Section[Document]]] = field(metadata=AWS)
    # the users and roles of the account with their policies
    principals: Section[tuple[Principal, ...]] = field(metadata=AWS)
    # roles of this account in the IRSA annotations of service accounts
    annotated_roles: Section[Mapping[str, Section[Role | None]]] = field(metadata=AWS)
    # role ARN -> the permissions to assume other roles in its policies
    assume_permissions: Section[Mapping[str, Section[AssumePermissions]]] = field(metadata=AWS)
    # ARN of a role with a permissions boundary -> whether the boundary may allow any action of its policies
    bounded: Section[Mapping[str, Section[bool]]] = field(metadata=AWS)
    # roles of this account that those policies name
    chained_roles: Section[Mapping[str, Section[Role | None]]] = field(metadata=AWS)
    # node -> its EC2 instance
    instances: Section[Mapping[str, Instance]] = field(metadata=AWS)
    # node role ARN -> whether it allows the calls of the VPC CNI; empty if the CNI has no association
    cni_permissions: Section[Mapping[str, Section[tuple[Decision, ...]]]] = field(metadata=AWS)
    # role ARN -> nodes outside of managed node groups and Auto Mode: the role of their instance profile, of their
    # EC2NodeClass, or the only one with an access entry
    other_node_roles: Section[Mapping[str, tuple[str, ...]]] = field(metadata=AWS)
    # routes and endpoints of the cluster's VPC
    egress: Section[Egress] = field(metadata=AWS)
    # node role ARN -> the names of its policies
    node_role_policies: Section[Mapping[str, Section[PolicyNames]]] = field(metadata=AWS)
    # node role ARN -> iam:SimulatePrincipalPolicy for eks-auth:AssumeRoleForPodIdentity on the cluster
    node_role_allowed: Section[Mapping[str, Section[Decision]]] = field(metadata=AWS)
    namespaces: Section[frozenset[str]] = field(metadata=KUBERNETES)
    service_accounts: Section[tuple[ServiceAccount, ...]] = field(metadata=KUBERNETES)
    pods: Section[tuple[Pod, ...]] = field(metadata=KUBERNETES)
    nodes: Section[tuple[Node, ...]] = field(metadata=KUBERNETES)
    # of Karpenter, if a node has one
    node_classes: Section[tuple[NodeClass, ...]] = field(metadata=KUBERNETES)
    daemon_sets: Section[tuple[DaemonSet, ...]] = field(metadata=KUBERNETES)
    workloads: Section[tuple[Workload, ...]] = field(metadata=KUBERNETES)
    # the webhook that injects credentials into new pods; None if it is not registered
    webhook: Section[WebhookRegistration | None] = field(metadata=KUBERNETES)
    # (namespace, ConfigMap) that sets variables of an associated pod -> its keys, without values except the link-local
    # addresses in a NO_PROXY; None if it does not exist
    config_map_keys: Section[Mapping[tuple[str, str], Section[Mapping[str, str] | None]]] = field(metadata=KUBERNETES)
    # pods of the DaemonSets that run the Pod Identity agent, in any namespace
    agent_pods: Section[tuple[Pod, ...]] = field(metadata=KUBERNETES)
    network_policies: Section[tuple[NetworkPolicy, ...]] = field(metadata=KUBERNETES)
    # plural of a kind that the cluster serves -> the settings for credentials in its objects
    products: Section[Mapping[str, Section[tuple[ProductSetting, ...]]]] = field(metadata=KUBERNETES)
    # CSI driver -> audiences of its tokens; read only if an object of a product depends on them
    csi_drivers: Section[Mapping[str, frozenset[str]]] = field(metadata=KUBERNETES)
    # node -> seconds by which the clock of its kubelet is ahead of the API server's
    clocks: Section[Mapping[str, int]] = field(metadata=KUBERNETES)
    # "NAMESPACE/NAME" of an agent DaemonSet that lacks pods, or of its pod that does not start -> warnings
    agent_warnings: Section[Mapping[str, Section[tuple[str, ...]]]] = field(metadata=KUBERNETES)
    # access keys in the environment and the command lines of pods, and in ConfigMaps
    access_keys: Section[tuple[AccessKey, ...]] = field(metadata=KUBERNETES)
    # the same in Secrets; on request only
    secret_keys: Section[tuple[AccessKey, ...]] = field(metadata=SECRETS)
    # access policies of the cluster's access entries
    access_policies: Section[tuple[AccessPolicy, ...]] = field(metadata=AWS)
    # permissions by which others get the identity of service accounts
    grants: Section[tuple[IdentityGrant, ...]] = field(metadata=KUBERNETES)
    # namespace of an agent DaemonSet that lacks pods -> its enforced Pod Security level, empty for none
    pod_security: Section[Mapping[str, str]] = field(metadata=KUBERNETES)
    # read only if Cilium runs, otherwise empty
    cilium_policies: Section[tuple[CiliumPolicy, ...]] = field(metadata=KUBERNETES)
    # "NAMESPACE/NAME" of a crash-looping agent pod -> the cause, from the end of its log
    agent_crashes: Section[Mapping[str, Section[tuple[LogSighting, ...]]]] = field(metadata=KUBERNETES)
    # "NAMESPACE/NAME" of an agent pod -> failure modes in its log of the last hour; on request only
    agent_logs: Section[Mapping[str, Section[tuple[LogSighting, ...]]]] = field(metadata=LOGS)
    # node -> failed token redemptions of its agent in CloudTrail; on request only
    cloudtrail: Section[Mapping[str, Section[tuple[LogSighting, ...]]]] = field(metadata=TRAIL)
    # requests to EKS Auth for this cluster, newest first, by agents and others
    redemptions: Section[tuple[Redemption, ...]] = field(metadata=TRAIL)
    # node with pods that have credentials -> calls with its role in CloudTrail
    node_calls: Section[Mapping[str, Section[NodeTrail]]] = field(metadata=TRAIL)
    # role ARN of an association -> its sessions in CloudTrail, of pods of any cluster, newest first
    sessions: Section[Mapping[str, Section[tuple[PodSession, ...]]]] = field(metadata=TRAIL)
    # "ns/name" -> redeemed tokens of its live pods; empty without such pods
    tokens: Section[Mapping[str, Section[tuple[TokenTrial, ...]]]] = field(metadata=TOKEN)
    # "ns/name" -> dry runs of a new pod, summed over this and the previous snapshots
    dry_runs: Section[Mapping[str, Section[DryRun]]] = field(metadata=DRY_RUN)
    # "ns/name" -> results of probe pods of that service account, one for each node
    probes: Section[Mapping[str, Section[tuple[Probed, ...]]]] = field(metadata=PROBE)
    # node -> result of a probe pod there that requested credentials from the metadata service
    metadata_probes: Section[Mapping[str, Probed]] = field(metadata=METADATA)
    # podid's own changes of the last hours
    changes: Section[RecentChanges] = field(metadata=JOURNAL)
    only_namespaces: tuple[str, ...] = ()
    targets: tuple[ServiceAccountRef, ...] = ()
    guards: tuple[Guard, ...] = ()


# section -> its service, and its cost
SERVICES: Mapping[str, Service] = {f.name: f.metadata["service"] for f in fields(Snapshot) if f.metadata}
COSTS: Mapping[str, Cost] = {f.name: f.metadata["cost"] for f in fields(Snapshot) if f.metadata}
# sections that are read on request only
ON_REQUEST = frozenset(name for name, cost in COSTS.items() if cost & EVIDENCE)
