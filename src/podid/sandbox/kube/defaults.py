"""The values that an API server fills in at creation, as recorded from kube-apiserver 1.36."""

from podid.sandbox.kube import kinds
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.objects import Obj, clone, get

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
_SPECS: dict[KubeKind, Obj] = {
    kinds.DEPLOYMENTS: {
        "replicas": 1,
        "strategy": _ROLLING,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        **_TEMPLATE,
    },
    kinds.REPLICA_SETS: {"replicas": 1, **_TEMPLATE},
    kinds.STATEFUL_SETS: {
        "replicas": 1,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": _ROLLING,
        "revisionHistoryLimit": 10,
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        **_TEMPLATE,
    },
    kinds.DAEMON_SETS: {"updateStrategy": _ROLLING, "revisionHistoryLimit": 10, **_TEMPLATE},
    kinds.JOBS: {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": 6,
        "manualSelector": False,
        "completionMode": "NonIndexed",
        "suspend": False,
        "podReplacementPolicy": "TerminatingOrFailed",
        **_TEMPLATE,
    },
    kinds.CRON_JOBS: {
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": {"spec": _TEMPLATE},
    },
}
# what a strategy of type RollingUpdate gets besides
_ROLLING_UPDATE: dict[KubeKind, tuple[str, Obj]] = {
    kinds.DEPLOYMENTS: ("strategy", {"maxUnavailable": "25%", "maxSurge": "25%"}),
    kinds.STATEFUL_SETS: ("updateStrategy", {"partition": 0}),
    kinds.DAEMON_SETS: ("updateStrategy", {"maxUnavailable": 1, "maxSurge": 0}),
}
_WEBHOOK: Obj = {
    "failurePolicy": "Fail",
    "matchPolicy": "Equivalent",
    "namespaceSelector": {},
    "objectSelector": {},
    "timeoutSeconds": 10,
    "reinvocationPolicy": "Never",
}
_STATUS: dict[KubeKind, Obj] = {
    kinds.NAMESPACES: {"phase": "Active"},
    kinds.DEPLOYMENTS: {},
    kinds.REPLICA_SETS: {"replicas": 0},
    kinds.STATEFUL_SETS: {"replicas": 0, "availableReplicas": 0},
    kinds.DAEMON_SETS: {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    },
    kinds.JOBS: {},
    kinds.CRON_JOBS: {},
    kinds.DISRUPTION_BUDGETS: {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0},
    kinds.NODES: {},
}


def apply_defaults(kind: KubeKind, obj: Obj) -> Obj:
    """A copy with the defaults of its kind; pods get more from `default_pod` after admission."""
    obj = clone(obj)
    obj.pop("status", None)
    spec = obj.setdefault("spec", {}) if kind.generation and kind is not kinds.MUTATING_WEBHOOKS else {}
    if kind is kinds.NAMESPACES:
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")
        obj["spec"] = {"finalizers": ["kubernetes"]}
    elif kind is kinds.PODS:
        default_pod_spec(spec)
    elif kind in _SPECS:
        _fill(spec, _SPECS[kind])
        template = spec["jobTemplate"]["spec"]["template"] if kind is kinds.CRON_JOBS else spec["template"]
        default_pod_spec(template["spec"])
        strategy, rolling = _ROLLING_UPDATE.get(kind, ("", {}))
        if rolling and spec[strategy]["type"] == "RollingUpdate":
            _fill(spec[strategy], {"rollingUpdate": rolling})
    elif kind is kinds.NETWORK_POLICIES:
        spec.setdefault("policyTypes", ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    elif kind is kinds.MUTATING_WEBHOOKS:
        for webhook in obj.get("webhooks") or ():
            _fill(webhook, _WEBHOOK)
            for rule in webhook.get("rules") or ():
                rule.setdefault("scope", "*")
    if kind in _STATUS:
        obj["status"] = dict(_STATUS[kind])
    return obj


def _fill(target: Obj, defaults: Obj) -> None:
    """In place, level by level: what is missing."""
    for key, value in defaults.items():
        if isinstance(value, dict):
            _fill(target.setdefault(key, {}), value)
        else:
            target.setdefault(key, value)


def label_job(job: Obj) -> None:
    """The labels and selector that tie a stamped Job to its pods; they need its uid."""
    uid, name = job["metadata"]["uid"], job["metadata"]["name"]
    added = {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
    }
    template = job["spec"]["template"].setdefault("metadata", {})
    template["labels"] = {**(template.get("labels") or {}), **added}
    # a Job without labels of its own gets those of its template
    job["metadata"].setdefault("labels", dict(template["labels"]))
    job["spec"].setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})


def default_pod_spec(spec: Obj) -> None:
    """In place: what pods and pod templates have in common."""
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
    """In place: what only pods get (admission plugins Priority and DefaultTolerationSeconds, and the strategy)."""
    spec = pod["spec"]
    tolerations = spec.setdefault("tolerations", [])
    for toleration in _RESTART_TOLERATIONS:
        if not any(_covers(found, str(toleration["key"])) for found in tolerations):
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
    """https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/"""
    amounts = [container.get("resources") or {} for container in spec.get("containers") or ()]
    if not any(entry.get("limits") or entry.get("requests") for entry in amounts):
        return "BestEffort"
    for entry in amounts:
        limits, requests = entry.get("limits") or {}, entry.get("requests") or {}
        if any(resource not in limits or requests.get(resource) != limits[resource] for resource in ("cpu", "memory")):
            return "Burstable"
    return "Guaranteed"
