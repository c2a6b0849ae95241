"""The resources that the sandbox serves, and how Kubernetes spells them."""

import base64
import hashlib
from dataclasses import dataclass
from functools import partial

from podid.sandbox.kube.objects import Obj

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True, eq=False)
class KubeKind:
    """One resource, of which there is one instance; `group` is empty for the core group."""

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
    *("spec.hostNetwork", "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName"),
    *("status.nominatedNodeName", "status.phase", "status.podIP", "status.podIPs"),
)
EVENT_FIELDS = (
    *("action", "reason", "reportingComponent", "source", "type"),
    *(f"involvedObject.{name}" for name in ("apiVersion", "fieldPath", "kind", "name", "namespace", "uid")),
    "involvedObject.resourceVersion",
)

RBAC = "rbac.authorization.k8s.io"
_core = partial(KubeKind, "", "v1")
_apps = partial(KubeKind, "apps", "v1", categories=("all",), subresources=("scale", "status"), generation=True)
_batch = partial(KubeKind, "batch", "v1", categories=("all",), subresources=("status",), generation=True)

NAMESPACES = _core(
    *("namespaces", "Namespace", False, ("ns",)),
    fields=("status.phase",),
    subresources=("status",),
    returns_deleted=True,
)
SERVICE_ACCOUNTS = _core(
    "serviceaccounts", "ServiceAccount", short=("sa",), subresources=("token",), returns_deleted=True
)
PODS = _core(
    *("pods", "Pod", True, ("po",), ("all",), POD_FIELDS, ("eviction", "log", "status")),
    returns_deleted=True,
    generation=True,
)
NODES = _core("nodes", "Node", False, ("no",), fields=("spec.unschedulable",), subresources=("status",))
EVENTS = _core("events", "Event", short=("ev",), fields=EVENT_FIELDS)
CONFIG_MAPS = _core("configmaps", "ConfigMap", short=("cm",))
DEPLOYMENTS = _apps("deployments", "Deployment", short=("deploy",))
REPLICA_SETS = _apps("replicasets", "ReplicaSet", short=("rs",), fields=("status.replicas",))
STATEFUL_SETS = _apps("statefulsets", "StatefulSet", short=("sts",))
DAEMON_SETS = _apps("daemonsets", "DaemonSet", short=("ds",), subresources=("status",))
CONTROLLER_REVISIONS = KubeKind("apps", "v1", "controllerrevisions", "ControllerRevision")
JOBS = _batch("jobs", "Job", fields=("status.successful",))
CRON_JOBS = _batch("cronjobs", "CronJob", short=("cj",))
DISRUPTION_BUDGETS = KubeKind(
    *("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    short=("pdb",),
    subresources=("status",),
    generation=True,
)
NETWORK_POLICIES = KubeKind(
    "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short=("netpol",), generation=True
)
MUTATING_WEBHOOKS = KubeKind(
    *("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", False),
    categories=("api-extensions",),
    generation=True,
)
LEASES = KubeKind("coordination.k8s.io", "v1", "leases", "Lease")
PERSISTENT_VOLUMES = _core("persistentvolumes", "PersistentVolume", False, ("pv",), subresources=("status",))
CSI_DRIVERS = KubeKind("storage.k8s.io", "v1", "csidrivers", "CSIDriver", False)
# of products: there once their group is installed
CUSTOM: tuple[KubeKind, ...] = tuple(
    KubeKind(group, "v1alpha1" if group == "keda.sh" else "v1", plural, name, not name.startswith(("Cluster", "EC2")))
    for group, plural, name in (
        ("external-secrets.io", "secretstores", "SecretStore"),
        ("external-secrets.io", "clustersecretstores", "ClusterSecretStore"),
        ("cert-manager.io", "issuers", "Issuer"),
        ("cert-manager.io", "clusterissuers", "ClusterIssuer"),
        ("keda.sh", "triggerauthentications", "TriggerAuthentication"),
        ("keda.sh", "clustertriggerauthentications", "ClusterTriggerAuthentication"),
        ("secrets-store.csi.x-k8s.io", "secretproviderclasses", "SecretProviderClass"),
        ("karpenter.k8s.aws", "ec2nodeclasses", "EC2NodeClass"),
    )
)
ROLES = KubeKind(RBAC, "v1", "roles", "Role")
ROLE_BINDINGS = KubeKind(RBAC, "v1", "rolebindings", "RoleBinding")
CLUSTER_ROLES = KubeKind(RBAC, "v1", "clusterroles", "ClusterRole", False)
CLUSTER_ROLE_BINDINGS = KubeKind(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", False)

# in the order in which garbage is collected and namespaces are emptied
ALL: tuple[KubeKind, ...] = (
    *(CONFIG_MAPS, EVENTS, NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS),
    *(CONTROLLER_REVISIONS, DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, CRON_JOBS, JOBS),
    *(DISRUPTION_BUDGETS, NETWORK_POLICIES, MUTATING_WEBHOOKS, LEASES, PERSISTENT_VOLUMES, CSI_DRIVERS, *CUSTOM),
    *(CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES),
)
BY_PATH: dict[tuple[str, str, str], KubeKind] = {(k.group, k.version, k.plural): k for k in ALL}
BY_NAME: dict[tuple[str, str], KubeKind] = {(k.api_version, k.name): k for k in ALL}

REVIEWS: dict[tuple[str, str, str], str] = {
    ("authentication.k8s.io", "v1", "selfsubjectreviews"): "SelfSubjectReview",
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews"): "SelfSubjectAccessReview",
    ("authorization.k8s.io", "v1", "selfsubjectrulesreviews"): "SelfSubjectRulesReview",
}
