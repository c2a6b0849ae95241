"""What podid reads from the cluster, as plain values.

Times are timezone-aware UTC. Empty means "the API said there is none"; a thing that could not be read is not in the
model at all (see `podid.domain.snapshot`). `podid.domain.placement` decides on which node a pod may run. Karpenter's
node classes: https://karpenter.sh/docs/concepts/nodeclasses/.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from podid.domain.findings import Subject
from podid.domain.members import About, members
from podid.domain.names import ServiceAccountRef


@dataclass(frozen=True, slots=True)
class EnvSource:
    """A ConfigMap or Secret (`kind`) whose keys all become variables, with `prefix` before their names."""

    kind: str
    name: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a volume is seen in a container; `kind` is the volume's in Kubernetes' words (secret, hostPath), `source`
    the object that it shows, where it is one."""

    path: str
    kind: str
    source: str = ""

    def covers(self, file: str) -> bool:
        return bool(file) and (file == self.path or file.startswith(f"{self.path}/"))


def name_and_tag(image: str) -> tuple[str, str]:
    """The last part of an image's repository, and its tag, which may be empty: a digest says nothing of a version."""
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return name, tag


@dataclass(frozen=True, slots=True)
class Taint:
    key: str
    value: str = ""
    effect: str = ""

    def __str__(self) -> str:
        return f"{self.key}{f'={self.value}' if self.value else ''}:{self.effect}"


@dataclass(frozen=True, slots=True)
class Toleration:
    """`operator` is Exists or Equal; an empty key with Exists tolerates every key, an empty effect every effect."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of a node affinity or a label selector. `operator` is Kubernetes' word: In, NotIn, Exists, DoesNotExist,
    Gt, Lt; `of_name` for one that is about the node's name instead of a label."""

    key: str
    operator: str
    values: tuple[str, ...] = ()
    of_name: bool = False

    def met_by(self, labels: Mapping[str, str], name: str = "") -> bool | None:
        """Whether an object with these labels has it; None for an operator that podid does not know."""
        value = name if self.of_name else labels.get(self.key)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case "Gt" | "Lt":
                return self._compares(value)
        return None

    def _compares(self, value: str | None) -> bool:
        try:
            number, bound = int(value or ""), int(self.values[0])
        except (ValueError, IndexError):
            return False
        return number > bound if self.operator == "Gt" else number < bound


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a pod may go: every pair of the selector, any of the affinity's `terms` with all of its requirements, and
    no taint that is not tolerated. `terms` None is no affinity."""

    selector: Mapping[str, str] = field(default_factory=dict)
    terms: tuple[tuple[Requirement, ...], ...] | None = None
    tolerations: tuple[Toleration, ...] = ()


IRSA_ANNOTATIONS = tuple(
    f"eks.amazonaws.com/{name}" for name in ("role-arn", "audience", "sts-regional-endpoints", "token-expiration")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    namespace: str
    name: str
    uid: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    # the tool that would restore an annotation of IRSA, such as `Helm release orders in namespace shop`
    owner: str = ""

    @property
    def ref(self) -> ServiceAccountRef:
        return ServiceAccountRef(self.namespace, self.name)

    @property
    def irsa_role_arn(self) -> str:
        return self.annotations.get("eks.amazonaws.com/role-arn", "")

    @property
    def irsa_annotations(self) -> Mapping[str, str]:
        """Those that the webhook reads for IRSA: pkg/constants.go of amazon-eks-pod-identity-webhook."""
        return {name: value for name, value in self.annotations.items() if name in IRSA_ANNOTATIONS}


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

    @property
    def subject(self) -> Subject:
        return Subject("Pod", self.name, self.namespace)


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

    @property
    def subject(self) -> Subject:
        return Subject("Node", self.name)


@members("namespace name desired ready available updated host_ports images")
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
    host_ports: Annotated[tuple[int, ...], About("The ports of its nodes that it declares.")] = ()
    # commands of its scripts that make rules of the node's packet filter for link-local addresses
    firewall: tuple[str, ...] = ()
    # of all its containers; values only of variables whose values are no secrets
    env: Mapping[str, str] = field(default_factory=dict)
    # field manager -> paths of the fields that it has set
    set_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def subject(self) -> Subject:
        return Subject("DaemonSet", self.name, self.namespace)


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

    @property
    def subject(self) -> Subject:
        return Subject(self.kind, self.name, self.namespace)


# on each node: pkg/apis/v1/labels.go of https://github.com/aws/karpenter-provider-aws
NODE_CLASS_LABEL = "karpenter.k8s.aws/ec2nodeclass"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeClass:
    """An EC2NodeClass. It names its nodes' role, without a path, or their instance profile."""

    name: str
    role: str = ""
    instance_profile: str = ""
