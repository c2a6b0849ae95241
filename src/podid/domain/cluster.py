"""The data that podid reads from the cluster, as plain values.

Times are timezone-aware UTC. Empty means that the API returned no value. Data that could not be read is a Missing
section (see `podid.domain.snapshot`). `podid.domain.workloads` decides on which node a pod may run. Karpenter's
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
    """A ConfigMap or Secret (`kind`) whose keys are set as variables, with `prefix` before their names."""

    kind: str
    name: str
    prefix: str = ""


TOKEN = "serviceAccountToken"


@dataclass(frozen=True, slots=True)
class Mount:
    """The mount of a volume in a container. `kind` is the type of the volume (secret, hostPath), `source` the name of
    its object, if it has one. For a token of the pod (TOKEN), `source` is its audience, empty for the API server's."""

    path: str
    kind: str
    source: str = ""

    def covers(self, file: str) -> bool:
        return bool(file) and (file == self.path or file.startswith(f"{self.path}/"))


def name_and_tag(image: str) -> tuple[str, str]:
    """Return the last part of an image's repository, and its tag, which may be empty."""
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
    """One line of a node affinity or a label selector. `operator` is In, NotIn, Exists, DoesNotExist,
    Gt or Lt. `of_name` is true if it selects by the node's name instead of a label."""

    key: str
    operator: str
    values: tuple[str, ...] = ()
    of_name: bool = False

    def met_by(self, labels: Mapping[str, str], name: str = "") -> bool | None:
        """Return whether an object with these labels meets it; None for an operator that podid does not know."""
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
    """The nodes that a pod can be scheduled on: with all labels of the selector, with all requirements of any of the
    affinity's `terms`, and without taints that are not tolerated. `terms` is None without an affinity."""

    selector: Mapping[str, str] = field(default_factory=dict)
    terms: tuple[tuple[Requirement, ...], ...] | None = None
    tolerations: tuple[Toleration, ...] = ()


IRSA_ANNOTATIONS = tuple(
    f"eks.amazonaws.com/{name}" for name in ("role-arn", "audience", "sts-regional-endpoints", "token-expiration")
)

# of annotations that request an association from podid apply --from-annotations
OF_PODID = "podid.dev/"


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
        """Return those that the webhook reads for IRSA: pkg/constants.go of amazon-eks-pod-identity-webhook."""
        return {name: value for name, value in self.annotations.items() if name in IRSA_ANNOTATIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of a pod. `env` has the variables that matter for credentials, with values only of those that are
    not secret; `blank` are those with an empty value. `mounts` are those that can contain files of SDKs. `unmounted`
    is whether no mount contains the webhook's token file although a variable names this file. `flags` are the arguments
    of AWS's controllers (`--aws-…`).

    `ready`, `waiting`, `restarts`, `ended` (why the previous run ended: Error, OOMKilled) and `exit_code` come from the
    pod's status. `failed` is start and end of the previous run, if it failed.
    """

    name: str
    image: str
    init: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    blank: tuple[str, ...] = ()
    env_from: tuple[EnvSource, ...] = ()
    mounts: tuple[Mount, ...] = ()
    unmounted: bool = False
    ready: bool = False
    waiting: str = ""
    restarts: int = 0
    ended: str = ""
    exit_code: int | None = None
    failed: tuple[datetime, datetime] | None = None
    flags: tuple[str, ...] = ()

    def sets(self, name: str) -> bool:
        """Return whether the variable is set and not empty: SDKs ignore an empty one."""
        return name in self.env and name not in self.blank


@dataclass(frozen=True, slots=True)
class OwnerRef:
    kind: str
    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True)
class FieldWriters:
    """An object with the fields that each field manager has set, as paths."""

    kind: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    set_by: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """The fields of a pod that podid uses. `owner` is the controlling owner (a ReplicaSet, not its Deployment).
    `reason` and `message` are why it failed or is not scheduled. `host_ports` are the host ports that it uses,
    `ephemeral` its debug containers, `secret_classes` the SecretProviderClasses that it mounts."""

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
    windows: bool = False

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
        """Return the id of its EC2 instance; empty for other nodes."""
        name = self.provider_id.rpartition("/")[2]
        return name if name.startswith("i-") else ""

    @property
    def runs_agent(self) -> bool:
        """Return whether the add-on's main DaemonSet runs on it: Linux on EC2, amd64 or arm64, not Auto Mode, not
        hybrid."""
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
    """`images`, `args`, `containers` (names) and `command` are those of all its containers, in order."""

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
    host_ports: Annotated[tuple[int, ...], About("The TCP host ports that it declares.")] = ()
    # commands of its scripts that add firewall rules for link-local addresses
    firewall: tuple[str, ...] = ()
    # of all its containers; values only of variables that are not secret
    env: Mapping[str, str] = field(default_factory=dict)
    # field manager -> paths of the fields that it set
    set_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def subject(self) -> Subject:
        return Subject("DaemonSet", self.name, self.namespace)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A Deployment, StatefulSet, DaemonSet or other controller whose pod template names a service account.
    `on_delete` is true for the update strategy OnDelete, with which a restart patch replaces no pods. In a
    StatefulSet with a `partition`, it replaces no pods with a lower ordinal. `variables` are the names of AWS that
    containers of the template set; None if they are not known."""

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
    partition: int = 0
    paused: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    owner: OwnerRef | None = None
    variables: tuple[str, ...] | None = None

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
    """An EC2NodeClass, with its nodes' role (without path) or instance profile."""

    name: str
    role: str = ""
    instance_profile: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """A Lease, by which one of several processes acts. `renewed` is the time of the last renewal as the holder wrote
    it; `version` is the object's resourceVersion.

    The rules are those of client-go's leader election: a candidate takes a Lease that is free, its own, or that it has
    seen unchanged for its whole duration. Clocks of different machines are not compared.
    """

    holder: str
    renewed: str
    seconds: int
    version: str
    transitions: int = 0
