"""The resources of the sandbox's API server, their names in Kubernetes, and the defaults of their fields at creation.

The defaults were recorded from kube-apiserver 1.36.
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import partial

from podid.sandbox.kube.objects import Obj, clone, get

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

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
REVIEWS: dict[tuple[str, str, str], str] = {
    ("authentication.k8s.io", "v1", "selfsubjectreviews"): "SelfSubjectReview",
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews"): "SelfSubjectAccessReview",
    ("authorization.k8s.io", "v1", "selfsubjectrulesreviews"): "SelfSubjectRulesReview",
}
_RESTART_TOLERATIONS: list[Obj] = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
]
_PRIORITY_CLASSES = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}
_POD_SPEC: Obj = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_CONTAINER: Obj = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_TEMPLATE: Obj = {"template": {"metadata": {}, "spec": {}}}
_ROLLING = {"type": "RollingUpdate"}
_WEBHOOK: Obj = {
    "failurePolicy": "Fail",
    "matchPolicy": "Equivalent",
    "namespaceSelector": {},
    "objectSelector": {},
    "timeoutSeconds": 10,
    "reinvocationPolicy": "Never",
}


@dataclass(frozen=True, slots=True, eq=False)
class KubeKind:
    """One kind of resource. `group` is empty for the core group."""

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
        """Return the name as error messages write it: `pods`, `daemonsets.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def storage_hash(self) -> str:
        """Return the `storageVersionHash` of discovery: the first eight bytes of SHA-256 over group/version/kind."""
        digest = hashlib.sha256(f"{self.group}/{self.version}/{self.name}".encode()).digest()
        return base64.b64encode(digest[:8]).decode()

    def key(self, obj: Obj) -> tuple[str, str]:
        return (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


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
SECRETS = _core("secrets", "Secret", fields=("type",))
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
_VERSIONS = {"cilium.io": "v2"} | dict.fromkeys(("keda.sh", "eks.services.k8s.aws", "iam.services.k8s.aws"), "v1alpha1")
# of products; available when their group is installed
CUSTOM: tuple[KubeKind, ...] = tuple(
    KubeKind(
        *(group, _VERSIONS.get(group, "v1"), plural, name, not name.startswith(("Cluster", "CiliumC", "EC2"))),
        subresources=("status",) if plural in ("podidentityassociations", "roles") else (),
    )
    for group, plural, name in (
        ("external-secrets.io", "secretstores", "SecretStore"),
        ("external-secrets.io", "clustersecretstores", "ClusterSecretStore"),
        ("cert-manager.io", "issuers", "Issuer"),
        ("cert-manager.io", "clusterissuers", "ClusterIssuer"),
        ("keda.sh", "triggerauthentications", "TriggerAuthentication"),
        ("keda.sh", "clustertriggerauthentications", "ClusterTriggerAuthentication"),
        ("secrets-store.csi.x-k8s.io", "secretproviderclasses", "SecretProviderClass"),
        ("cilium.io", "ciliumnetworkpolicies", "CiliumNetworkPolicy"),
        ("cilium.io", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy"),
        ("karpenter.k8s.aws", "ec2nodeclasses", "EC2NodeClass"),
        ("eks.services.k8s.aws", "podidentityassociations", "PodIdentityAssociation"),
        ("iam.services.k8s.aws", "roles", "Role"),
        ("eks.aws.upbound.io", "podidentityassociations", "PodIdentityAssociation"),
        ("iam.aws.upbound.io", "roles", "Role"),
    )
)
ROLES = KubeKind(RBAC, "v1", "roles", "Role")
ROLE_BINDINGS = KubeKind(RBAC, "v1", "rolebindings", "RoleBinding")
CLUSTER_ROLES = KubeKind(RBAC, "v1", "clusterroles", "ClusterRole", False)
CLUSTER_ROLE_BINDINGS = KubeKind(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", False)

# the order of garbage collection and of the deletion of a namespace
ALL: tuple[KubeKind, ...] = (
    *(CONFIG_MAPS, SECRETS, EVENTS, NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS),
    *(CONTROLLER_REVISIONS, DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, CRON_JOBS, JOBS),
    *(DISRUPTION_BUDGETS, NETWORK_POLICIES, MUTATING_WEBHOOKS, LEASES, PERSISTENT_VOLUMES, CSI_DRIVERS, *CUSTOM),
    *(CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES),
)
BY_PATH: dict[tuple[str, str, str], KubeKind] = {(k.group, k.version, k.plural): k for k in ALL}
BY_NAME: dict[tuple[str, str], KubeKind] = {(k.api_version, k.name): k for k in ALL}

_SPECS: dict[KubeKind, Obj] = {
    DEPLOYMENTS: {
        "replicas": 1,
        "strategy": _ROLLING,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        **_TEMPLATE,
    },
    REPLICA_SETS: {"replicas": 1, **_TEMPLATE},
    STATEFUL_SETS: {
        "replicas": 1,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": _ROLLING,
        "revisionHistoryLimit": 10,
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        **_TEMPLATE,
    },
    DAEMON_SETS: {"updateStrategy": _ROLLING, "revisionHistoryLimit": 10, **_TEMPLATE},
    JOBS: {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": 6,
        "manualSelector": False,
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
        **_TEMPLATE,
    },
    CRON_JOBS: {
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": {"spec": _TEMPLATE},
    },
}
# additional defaults of strategy RollingUpdate
_ROLLING_UPDATE: dict[KubeKind, tuple[str, Obj]] = {
    DEPLOYMENTS: ("strategy", {"maxUnavailable": "25%", "maxSurge": "25%"}),
    STATEFUL_SETS: ("updateStrategy", {"partition": 0}),
    DAEMON_SETS: ("updateStrategy", {"maxUnavailable": 1, "maxSurge": 0}),
}
_STATUS: dict[KubeKind, Obj] = {
    NAMESPACES: {"phase": "Active"},
    DEPLOYMENTS: {},
    REPLICA_SETS: {"replicas": 0},
    STATEFUL_SETS: {"replicas": 0, "availableReplicas": 0},
    DAEMON_SETS: {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    },
    JOBS: {},
    CRON_JOBS: {},
    DISRUPTION_BUDGETS: {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0},
    NODES: {},
}


def apply_defaults(kind: KubeKind, obj: Obj) -> Obj:
    """Return a copy with the defaults of its kind. `default_pod` adds those of pods after admission."""
    obj = clone(obj)
    obj.pop("status", None)
    spec = obj.setdefault("spec", {}) if kind.generation and kind is not MUTATING_WEBHOOKS else {}
    if kind is NAMESPACES:
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")
        obj["spec"] = {"finalizers": ["kubernetes"]}
    elif kind is PODS:
        default_pod_spec(spec)
    elif kind in _SPECS:
        _fill(spec, _SPECS[kind])
        template = spec["jobTemplate"]["spec"]["template"] if kind is CRON_JOBS else spec["template"]
        default_pod_spec(template["spec"])
        strategy, rolling = _ROLLING_UPDATE.get(kind, ("", {}))
        if rolling and spec[strategy]["type"] == "RollingUpdate":
            _fill(spec[strategy], {"rollingUpdate": rolling})
    elif kind is SECRETS:
        plain = {key: base64.b64encode(text.encode()).decode() for key, text in obj.pop("stringData", {}).items()}
        obj |= {"type": obj.get("type") or "Opaque"} | ({"data": obj.get("data", {}) | plain} if plain else {})
    elif kind is NETWORK_POLICIES:
        spec.setdefault("policyTypes", ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    elif kind is MUTATING_WEBHOOKS:
        for webhook in obj.get("webhooks") or ():
            _fill(webhook, _WEBHOOK)
            for rule in webhook.get("rules") or ():
                rule.setdefault("scope", "*")
    if kind in _STATUS:
        obj["status"] = dict(_STATUS[kind])
    return obj


def _fill(target: Obj, defaults: Obj) -> None:
    """Set the missing fields in place, level by level."""
    for key, value in defaults.items():
        if isinstance(value, dict):
            _fill(target.setdefault(key, {}), value)
        else:
            target.setdefault(key, value)


def label_job(job: Obj) -> None:
    """Set the labels and selector that tie a stamped Job to its pods; they need its uid."""
    uid, name = job["metadata"]["uid"], job["metadata"]["name"]
    added = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    template = job["spec"]["template"].setdefault("metadata", {})
    template["labels"] = {**(template.get("labels") or {}), **added}
    # a Job without labels gets the labels of its template
    job["metadata"].setdefault("labels", dict(template["labels"]))
    job["spec"].setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})


def default_pod_spec(spec: Obj) -> None:
    """Set the common defaults of pods and pod templates in place."""
    for field in ("containers", "initContainers"):
        for container in spec.get(field) or ():
            _default_container(container)
    for volume in spec.get("volumes") or ():
        for source in ("projected", "secret", "configMap", "downwardAPI"):
            if isinstance(volume.get(source), dict):
                volume[source].setdefault("defaultMode", 420)
    _fill(spec, _POD_SPEC)
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account


def _default_container(container: Obj) -> None:
    _fill(container, _CONTAINER)
    tag = str(container.get("image", "")).rsplit("/", 1)[-1].partition(":")[2]
    container.setdefault("imagePullPolicy", "Always" if tag in ("", "latest") else "IfNotPresent")
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for variable in container.get("env") or ():
        if field := get(variable, "valueFrom", "fieldRef"):
            field.setdefault("apiVersion", "v1")


def default_pod(pod: Obj) -> None:
    """Set the defaults of pods only, in place (admission plugins Priority and DefaultTolerationSeconds, and the
    strategy)."""
    spec = pod["spec"]
    tolerations = spec.setdefault("tolerations", [])
    for toleration in _RESTART_TOLERATIONS:
        if not any(_covers(entry, str(toleration["key"])) for entry in tolerations):
            tolerations.append(dict(toleration))
    spec.setdefault("priority", _PRIORITY_CLASSES.get(spec.get("priorityClassName", ""), 0))
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    for container in spec.get("containers") or ():
        if spec.get("hostNetwork"):
            for port in container.get("ports") or ():
                port.setdefault("hostPort", port["containerPort"])
        _default_requests(container)
    pod["status"] = {"phase": "Pending", "qosClass": qos_class(spec)}


def _covers(toleration: Obj, key: str) -> bool:
    effect = toleration.get("effect") in (None, "", "NoExecute")
    return effect and (toleration.get("key") == key or "key" not in toleration)


def _default_requests(container: Obj) -> None:
    limits = get(container, "resources", "limits", default={})
    if limits:
        requests = container["resources"].setdefault("requests", {})
        for resource, amount in limits.items():
            requests.setdefault(resource, amount)


def qos_class(spec: Obj) -> str:
    """Return the QoS class: https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/"""
    amounts = [container.get("resources") or {} for container in spec.get("containers") or ()]
    if not any(entry.get("limits") or entry.get("requests") for entry in amounts):
        return "BestEffort"
    for entry in amounts:
        limits, requests = entry.get("limits") or {}, entry.get("requests") or {}
        if any(resource not in limits or requests.get(resource) != limits[resource] for resource in ("cpu", "memory")):
            return "Burstable"
    return "Guaranteed"
