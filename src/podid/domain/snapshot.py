"""Everything a doctor looks at, read once.

A section is either known or missing with the permission (or the reason) that stood in the way. A check never fetches;
it declares the sections that it needs, and the runner gives `unknown` when one is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from podid.domain.model import (
    Addon,
    Association,
    Cluster,
    DaemonSet,
    Node,
    NodeGroup,
    Pod,
    Role,
    RolePolicies,
    ServiceAccount,
    Workload,
)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One reading of AWS and of the cluster. `roles` and `role_policies` are keyed by the ARN that an association or
    a node group names; a role that IAM says does not exist is Known(None)."""

    taken_at: datetime
    cluster: Section[Cluster]
    associations: Section[tuple[Association, ...]]
    agent_addon: Section[Addon | None]
    addons: Section[tuple[Addon, ...]]
    node_groups: Section[tuple[NodeGroup, ...]]
    roles: Mapping[str, Section[Role | None]]
    role_policies: Mapping[str, Section[RolePolicies]]
    # node role ARN -> is eks-auth:AssumeRoleForPodIdentity allowed on the cluster, by iam:SimulatePrincipalPolicy
    node_role_allowed: Mapping[str, Section[bool]]
    namespaces: Section[frozenset[str]]
    service_accounts: Section[tuple[ServiceAccount, ...]]
    pods: Section[tuple[Pod, ...]]
    nodes: Section[tuple[Node, ...]]
    daemon_sets: Section[tuple[DaemonSet, ...]]
    workloads: Section[tuple[Workload, ...]]
    webhook_present: Section[bool]
