"""The resources that the sandbox serves, and how Kubernetes spells them."""

import base64
import hashlib
from dataclasses import dataclass

from podid.sandbox.kube.objects import Obj

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class KubeKind:
    """One resource; `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    name: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    returns_deleted: bool = False
    generation: bool = False

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.name.lower()

    @property
    def qualified(self) -> str:
        """As error messages write it: `pods`, `daemonsets.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def storage_hash(self) -> str:
        """`storageVersionHash` of discovery: the first eight bytes of SHA-256 over group/version/kind."""
        digest = hashlib.sha256(f"{self.group}/{self.version}/{self.name}".encode()).digest()
        return base64.b64encode(digest[:8]).decode()

    def key(self, obj: Obj) -> tuple[str, str]:
        return (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


POD_FIELDS = (
    "spec.hostNetwork",
    "spec.nodeName",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "status.nominatedNodeName",
    "status.phase",
    "status.podIP",
    "status.podIPs",
)
EVENT_FIELDS = (
    "action",
    "involvedObject.apiVersion",
    "involvedObject.fieldPath",
    "involvedObject.kind",
    "involvedObject.name",
    "involvedObject.namespace",
    "involvedObject.resourceVersion",
    "involvedObject.uid",
    "reason",
    "reportingComponent",
    "source",
    "type",
)

NAMESPACES = KubeKind(
    "", "v1", "namespaces", "Namespace", False, ("ns",), (), ("status.phase",), ("status",), returns_deleted=True
)
SERVICE_ACCOUNTS = KubeKind(
    "", "v1", "serviceaccounts", "ServiceAccount", True, ("sa",), (), (), ("token",), returns_deleted=True
)
PODS = KubeKind(
    "",
    "v1",
    "pods",
    "Pod",
    True,
    ("po",),
    ("all",),
    POD_FIELDS,
    ("eviction", "log", "status"),
    returns_deleted=True,
    generation=True,
)
NODES = KubeKind("", "v1", "nodes", "Node", False, ("no",), (), ("spec.unschedulable",), ("status",))
EVENTS = KubeKind("", "v1", "events", "Event", True, ("ev",), (), EVENT_FIELDS)
CONFIG_MAPS = KubeKind("", "v1", "configmaps", "ConfigMap", True, ("cm",))
DEPLOYMENTS = KubeKind(
    "apps",
    "v1",
    "deployments",
    "Deployment",
    True,
    ("deploy",),
    ("all",),
    (),
    ("scale", "status"),
    generation=True,
)
REPLICA_SETS = KubeKind(
    "apps",
    "v1",
    "replicasets",
    "ReplicaSet",
    True,
    ("rs",),
    ("all",),
    ("status.replicas",),
    ("scale", "status"),
    generation=True,
)
STATEFUL_SETS = KubeKind(
    "apps",
    "v1",
    "statefulsets",
    "StatefulSet",
    True,
    ("sts",),
    ("all",),
    (),
    ("scale", "status"),
    generation=True,
)
DAEMON_SETS = KubeKind(
    "apps", "v1", "daemonsets", "DaemonSet", True, ("ds",), ("all",), (), ("status",), generation=True
)
CONTROLLER_REVISIONS = KubeKind("apps", "v1", "controllerrevisions", "ControllerRevision")
JOBS = KubeKind("batch", "v1", "jobs", "Job", True, (), ("all",), ("status.successful",), ("status",), generation=True)
CRON_JOBS = KubeKind("batch", "v1", "cronjobs", "CronJob", True, ("cj",), ("all",), (), ("status",), generation=True)
DISRUPTION_BUDGETS = KubeKind(
    "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", True, ("pdb",), (), (), ("status",), generation=True
)
NETWORK_POLICIES = KubeKind(
    "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True, ("netpol",), generation=True
)
MUTATING_WEBHOOKS = KubeKind(
    "admissionregistration.k8s.io",
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    False,
    (),
    ("api-extensions",),
    generation=True,
)
RBAC = "rbac.authorization.k8s.io"
ROLES = KubeKind(RBAC, "v1", "roles", "Role")
ROLE_BINDINGS = KubeKind(RBAC, "v1", "rolebindings", "RoleBinding")
CLUSTER_ROLES = KubeKind(RBAC, "v1", "clusterroles", "ClusterRole", False)
CLUSTER_ROLE_BINDINGS = KubeKind(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", False)

ALL: tuple[KubeKind, ...] = (
    CONFIG_MAPS,
    EVENTS,
    NAMESPACES,
    NODES,
    PODS,
    SERVICE_ACCOUNTS,
    CONTROLLER_REVISIONS,
    DAEMON_SETS,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    CRON_JOBS,
    JOBS,
    DISRUPTION_BUDGETS,
    NETWORK_POLICIES,
    MUTATING_WEBHOOKS,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
)
BY_PATH: dict[tuple[str, str, str], KubeKind] = {(k.group, k.version, k.plural): k for k in ALL}
BY_NAME: dict[tuple[str, str], KubeKind] = {(k.api_version, k.name): k for k in ALL}

REVIEWS: dict[tuple[str, str, str], str] = {
    ("authentication.k8s.io", "v1", "selfsubjectreviews"): "SelfSubjectReview",
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews"): "SelfSubjectAccessReview",
    ("authorization.k8s.io", "v1", "selfsubjectrulesreviews"): "SelfSubjectRulesReview",
}
