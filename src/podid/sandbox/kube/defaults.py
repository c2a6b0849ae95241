"""The values that an API server fills in at creation, as recorded from kube-apiserver 1.36."""

from podid.sandbox.kube import kinds
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.objects import Obj, clone, get

_RESTART_TOLERATIONS = [
    {
        "key": f"node.kubernetes.io/{key}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }
    for key in ("not-ready", "unreachable")
]
_PRIORITY_CLASSES = {"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}


def apply_defaults(kind: KubeKind, obj: Obj) -> Obj:
    """A copy with the defaults of its kind; pods get more from `default_pod` after admission."""
    obj = clone(obj)
    obj.pop("status", None)
    spec = obj.setdefault("spec", {}) if kind.generation and kind is not kinds.MUTATING_WEBHOOKS else {}
    if kind is kinds.NAMESPACES:
        labels = obj["metadata"].setdefault("labels", {})
        labels["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")
        obj["spec"] = {"finalizers": ["kubernetes"]}
        obj["status"] = {"phase": "Active"}
    elif kind is kinds.PODS:
        default_pod_spec(spec)
    elif kind in (kinds.DEPLOYMENTS, kinds.REPLICA_SETS, kinds.STATEFUL_SETS, kinds.DAEMON_SETS):
        default_template(spec.setdefault("template", {}))
        _WORKLOADS[kind](spec)
        obj["status"] = dict(_EMPTY_STATUS.get(kind, {}))
    elif kind is kinds.JOBS:
        _default_job(spec)
        obj["status"] = {}
    elif kind is kinds.CRON_JOBS:
        _default_cron_job(spec)
        obj["status"] = {}
    elif kind is kinds.DISRUPTION_BUDGETS:
        obj["status"] = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
    elif kind is kinds.NETWORK_POLICIES:
        policy_types = ["Ingress", "Egress"] if "egress" in spec else ["Ingress"]
        spec.setdefault("policyTypes", policy_types)
    elif kind is kinds.MUTATING_WEBHOOKS:
        for webhook in obj.get("webhooks") or ():
            _default_webhook(webhook)
    elif kind is kinds.NODES:
        obj["status"] = {}
    return obj


_EMPTY_STATUS: dict[KubeKind, Obj] = {
    kinds.REPLICA_SETS: {"replicas": 0},
    kinds.STATEFUL_SETS: {"replicas": 0, "availableReplicas": 0},
    kinds.DAEMON_SETS: {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    },
}


def _default_deployment(spec: Obj) -> None:
    spec.setdefault("replicas", 1)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def _default_replica_set(spec: Obj) -> None:
    spec.setdefault("replicas", 1)


def _default_stateful_set(spec: Obj) -> None:
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Retain", "whenScaled": "Retain"})


def _default_daemon_set(spec: Obj) -> None:
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)


_WORKLOADS = {
    kinds.DEPLOYMENTS: _default_deployment,
    kinds.REPLICA_SETS: _default_replica_set,
    kinds.STATEFUL_SETS: _default_stateful_set,
    kinds.DAEMON_SETS: _default_daemon_set,
}


def _default_job(spec: Obj) -> None:
    spec.setdefault("parallelism", 1)
    spec.setdefault("completions", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("manualSelector", False)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed")
    default_template(spec.setdefault("template", {}))


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


def _default_cron_job(spec: Obj) -> None:
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    default_template(get(spec, "jobTemplate", "spec", default={}).setdefault("template", {}))


def _default_webhook(webhook: Obj) -> None:
    webhook.setdefault("failurePolicy", "Fail")
    webhook.setdefault("matchPolicy", "Equivalent")
    webhook.setdefault("namespaceSelector", {})
    webhook.setdefault("objectSelector", {})
    webhook.setdefault("timeoutSeconds", 10)
    webhook.setdefault("reinvocationPolicy", "Never")
    for rule in webhook.get("rules") or ():
        rule.setdefault("scope", "*")


def default_template(template: Obj) -> None:
    template.setdefault("metadata", {})
    default_pod_spec(template.setdefault("spec", {}))


def default_pod_spec(spec: Obj) -> None:
    """In place: what pods and pod templates have in common."""
    for field in ("containers", "initContainers"):
        for container in spec.get(field) or ():
            default_container(container)
    for volume in spec.get("volumes") or ():
        default_volume(volume)
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account


def default_container(container: Obj) -> None:
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    image = str(container.get("image", ""))
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    container.setdefault("imagePullPolicy", "Always" if tag in ("", "latest") else "IfNotPresent")
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for variable in container.get("env") or ():
        if field := get(variable, "valueFrom", "fieldRef"):
            field.setdefault("apiVersion", "v1")


def default_volume(volume: Obj) -> None:
    for source in ("projected", "secret", "configMap", "downwardAPI"):
        if isinstance(volume.get(source), dict):
            volume[source].setdefault("defaultMode", 420)


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
