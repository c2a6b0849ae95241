"""What podid reads from AWS and from the cluster, as plain values.

Times are timezone-aware UTC. Empty means "the API said there is none"; a thing that could not be read is not in the
model at all (see `podid.domain.snapshot`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Annotated

from podid.domain.containers import EnvSource, Mount
from podid.domain.members import ArnText, Key
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.scheduling import Placement, Taint
from podid.domain.section import UNASKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who the AWS calls are made as (sts:GetCallerIdentity)."""

    account: str
    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationSummary:
    """What ListPodIdentityAssociations tells: everything but the role."""

    cluster_name: str
    namespace: str
    service_account: str
    association_id: str
    association_arn: str
    owner_arn: str | None = None

    @property
    def ref(self) -> ServiceAccountRef:
        return ServiceAccountRef(self.namespace, self.service_account)


@dataclass(frozen=True, slots=True, kw_only=True)
class Association(AssociationSummary):
    """A pod identity association with every field of EKS's PodIdentityAssociation."""

    role_arn: str
    target_role_arn: str | None = None
    external_id: str | None = None
    disable_session_tags: bool | None = None
    policy: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    modified_at: datetime | None = None

    @property
    def session_tags(self) -> bool:
        return not self.disable_session_tags

    @property
    def pods_role_arn(self) -> str:
        """The role that pods end up with: the target role, where there is one."""
        return self.target_role_arn or self.role_arn


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadAssociation(AssociationSummary):
    """One that is listed and could not be described, so that its role is not known; `permission` is what the caller
    lacks, where it is a matter of rights, `error_code` is the PodidError's, or UNASKED."""

    reason: str
    permission: str = ""
    error_code: str = ""

    @classmethod
    def unasked(cls, found: AssociationSummary) -> "UnreadAssociation":
        """One that was not to be described: others were named."""
        members = {each.name: getattr(found, each.name) for each in fields(AssociationSummary)}
        return cls(**members, reason="not described: others were named", error_code=UNASKED)


# the id of one that is planned, to which EKS will give another
PLANNED_ID = "(planned)"
# an association, as far as it could be read
Listed = Association | UnreadAssociation


def described(associations: tuple[Listed, ...]) -> tuple[Association, ...]:
    """Those that could be read."""
    return tuple(each for each in associations if isinstance(each, Association))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The parts of EKS's Cluster that podid uses. `certificate_authority` is base64 of PEM, as EKS gives it."""

    name: str
    arn: str
    version: str
    status: str
    platform_version: str = ""
    endpoint: str = ""
    certificate_authority: str = ""
    cluster_id: str = ""
    ip_family: str = "ipv4"
    auto_mode: bool = False
    auto_node_role_arn: str = ""
    public_endpoint: bool = True
    authentication_mode: str = ""
    vpc_id: str = ""
    # the URL that names it as an OIDC provider; empty where EKS gives none
    oidc_issuer: str = ""
    # in words, for a kind that has no Pod Identity; empty for a cluster in the cloud
    unsupported_kind: str = ""

    @property
    def account(self) -> str:
        return Arn.parse(self.arn).account

    @property
    def region(self) -> str:
        return Arn.parse(self.arn).region

    @property
    def partition(self) -> str:
        return Arn.parse(self.arn).partition


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeGroup:
    name: str
    status: str
    node_role_arn: str
    subnet_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """Who the cluster knows. `kind` is EKS's word: STANDARD, EC2_LINUX, FARGATE_LINUX, HYBRID_LINUX, EC2…"""

    principal_arn: str
    kind: str


@dataclass(frozen=True, slots=True)
class AttachedPolicy:
    name: Annotated[str, Key("policyName")]
    arn: Annotated[ArnText, Key("policyArn")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """An IAM role. `trust` is the decoded trust policy, exactly as IAM returned it. `last_used_at` is None for one that
    was not used within IAM's 400 days of tracking."""

    name: str
    arn: str
    path: str
    role_id: str
    trust: Mapping[str, object]
    created_at: datetime | None = None
    description: str = ""
    max_session_seconds: int = 3600
    permissions_boundary_arn: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    last_used_at: datetime | None = None
    last_used_region: str = ""

    @property
    def service_linked(self) -> bool:
        """True for roles that AWS owns and nobody may edit (/aws-service-role/, /aws-reserved/)."""
        return of_aws(self.path)


def of_aws(path: str) -> bool:
    """Whether AWS owns the roles under this path."""
    return path.startswith(("/aws-service-role/", "/aws-reserved/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePolicies:
    """A role's permissions. `inline` maps policy name to its decoded document."""

    attached: tuple[AttachedPolicy, ...] = ()
    inline: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One answer of IAM's policy simulator. `decision` is its word: allowed, explicitDeny, implicitDeny."""

    action: str
    resource: str
    decision: str
    boundary_allows: bool | None = None
    organization_allows: bool | None = None
    missing_context_keys: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.decision == "allowed"


# --- Kubernetes -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    namespace: str
    name: str
    uid: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None

    @property
    def ref(self) -> ServiceAccountRef:
        return ServiceAccountRef(self.namespace, self.name)

    @property
    def irsa_role_arn(self) -> str:
        return self.annotations.get("eks.amazonaws.com/role-arn", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a pod. `env` holds the names of variables that matter for credentials, with values only for
    the non-secret ones; `blank` are those that are set to nothing. Of its mounts only those are kept that can hold the
    files of SDKs, and as `flags` of its arguments only those for controllers of AWS's (`--aws-…`). `ready`, `waiting`,
    `restarts`, `ended` (why the one before it ended: Error, OOMKilled) and `exit_code`, once it has run, come from the
    pod's status; `failed` is from when to when the one before it ran, where that failed."""

    name: str
    image: str
    init: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    blank: tuple[str, ...] = ()
    env_from: tuple[EnvSource, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ready: bool = False
    waiting: str = ""
    restarts: int = 0
    ended: str = ""
    exit_code: int | None = None
    failed: tuple[datetime, datetime] | None = None
    flags: tuple[str, ...] = ()

    def sets(self, name: str) -> bool:
        """Whether the variable is there and not empty: an empty one is none to an SDK."""
        return name in self.env and name not in self.blank


@dataclass(frozen=True, slots=True)
class OwnerRef:
    kind: str
    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """The projection of a pod that podid keeps. `owner` is the controlling owner (a ReplicaSet, not its Deployment);
    `reason` and `message` say why it failed or waits for a node; `host_ports` are its node's ports that it takes;
    `ephemeral` names its debug containers, `secret_classes` the SecretProviderClasses that it mounts."""

    namespace: str
    name: str
    uid: str
    service_account: str
    node: str
    phase: str
    created_at: datetime
    containers: tuple[Container, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    host_network: bool = False
    ready: bool = False
    deleting: bool = False
    owner: OwnerRef | None = None
    volumes: tuple[str, ...] = ()
    ephemeral: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    reason: str = ""
    message: str = ""
    host_ports: tuple[int, ...] = ()
    priority: int = 0
    ready_since: datetime | None = None
    secret_classes: tuple[str, ...] = ()
    automount: bool = True

    @property
    def ref(self) -> ServiceAccountRef:
        return ServiceAccountRef(self.namespace, self.service_account)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """`compute_type` is the label eks.amazonaws.com/compute-type: fargate, auto, hybrid or empty for plain EC2."""

    name: str
    os: str
    arch: str
    compute_type: str
    ready: bool
    labels: Mapping[str, str] = field(default_factory=dict)
    provider_id: str = ""
    created_at: datetime | None = None
    taints: tuple[Taint, ...] = ()

    @property
    def instance_id(self) -> str:
        """Of the EC2 instance that it is; empty for one that is none."""
        name = self.provider_id.rpartition("/")[2]
        return name if name.startswith("i-") else ""

    @property
    def runs_agent(self) -> bool:
        """Where the add-on's main DaemonSet puts a pod: Linux on EC2, amd64 or arm64, not built in, not hybrid."""
        return (
            self.os == "linux"
            and self.arch in ("amd64", "arm64")
            and self.compute_type not in ("fargate", "auto", "hybrid")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSet:
    """`images`, `args`, `containers` (names) and `command` are those of all its containers, one after another."""

    namespace: str
    name: str
    selector: Mapping[str, str]
    desired: int
    ready: int
    available: int
    updated: int
    generation: int
    observed_generation: int
    images: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    placement: Placement = field(default_factory=Placement)
    host_ports: tuple[int, ...] = ()
    # commands of its scripts that make rules of the node's packet filter for link-local addresses
    firewall: tuple[str, ...] = ()
    # of all its containers; values only of variables whose values are no secrets
    env: Mapping[str, str] = field(default_factory=dict)
    # field manager -> paths of the fields that it has set
    set_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment, StatefulSet, DaemonSet or other controller whose pod template names a service account.
    `on_delete` is true when its update strategy is OnDelete: a restart patch then replaces nothing by itself."""

    kind: str
    namespace: str
    name: str
    uid: str
    service_account: str
    replicas: int
    ready: int
    updated: int
    generation: int = 0
    observed_generation: int = 0
    on_delete: bool = False
    paused: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: OwnerRef | None = None

    @property
    def ref(self) -> ServiceAccountRef:
        return ServiceAccountRef(self.namespace, self.service_account)
