"""`Accept: …;as=Table`: the columns that kubectl prints."""

from collections.abc import Callable, Sequence
from typing import Any

from podid.sandbox.kube import kinds
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.objects import Obj, condition, get, name, parse_time, partial, terminating

_NAME = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a "
    "client to request the generation of an appropriate name automatically. Name is primarily intended for creation "
    "idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
_AGE = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed "
    "to be set in happens-before order across separate operations. Clients may not set this value. It is represented "
    "in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)
Cell = Callable[[Obj], Any]


def age(seconds: float) -> str:
    """As `kubectl get` shows it (k8s.io/apimachinery duration.HumanDuration)."""
    total = max(0, int(seconds))
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if total < 120:
        return f"{total}s"
    if minutes < 10:
        return f"{minutes}m{total % 60}s" if total % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d"


def _path(*path: str, default: Any = 0) -> Cell:
    return lambda obj: get(obj, *path, default=default)


def _fraction(have: str, want: tuple[str, ...]) -> Cell:
    return lambda obj: f"{get(obj, 'status', have, default=0)}/{get(obj, *want, default=0)}"


def _pod_ready(pod: Obj) -> str:
    statuses = get(pod, "status", "containerStatuses", default=[])
    return f"{sum(entry['ready'] for entry in statuses)}/{len(pod['spec']['containers'])}"


def _pod_status(pod: Obj) -> str:
    if terminating(pod):
        return "Terminating"
    for entry in get(pod, "status", "containerStatuses", default=()):
        for state in ("waiting", "terminated"):
            if reason := get(entry, "state", state, "reason"):
                return str(reason)
    return str(get(pod, "status", "phase", default=""))


def _restarts(pod: Obj) -> str:
    return str(sum(entry["restartCount"] for entry in get(pod, "status", "containerStatuses", default=())))


def _node_status(node: Obj) -> str:
    ready = condition(node, "Ready")
    state = "Ready" if ready and ready["status"] == "True" else "NotReady"
    return f"{state},SchedulingDisabled" if get(node, "spec", "unschedulable") else state


def _selector(node: Obj) -> str:
    chosen = get(node, "spec", "template", "spec", "nodeSelector", default={})
    return ",".join(f"{key}={value}" for key, value in sorted(chosen.items())) or "<none>"


def _job_status(job: Obj) -> str:
    for kind in ("Complete", "Failed"):
        entry = condition(job, kind)
        if entry and entry["status"] == "True":
            return kind
    return "Suspended" if get(job, "spec", "suspend") else "Running"


# name, type, priority (1 is shown with -o wide), cell
_COLUMNS: dict[KubeKind, tuple[tuple[str, str, int, Cell], ...]] = {
    kinds.PODS: (
        ("Ready", "string", 0, _pod_ready),
        ("Status", "string", 0, _pod_status),
        ("Restarts", "string", 0, _restarts),
        ("IP", "string", 1, _path("status", "podIP", default="<none>")),
        ("Node", "string", 1, _path("spec", "nodeName", default="<none>")),
        ("Nominated Node", "string", 1, _path("status", "nominatedNodeName", default="<none>")),
        ("Readiness Gates", "string", 1, lambda _: "<none>"),
    ),
    kinds.NODES: (
        ("Status", "string", 0, _node_status),
        ("Roles", "string", 0, lambda _: "<none>"),
        ("Version", "string", 0, _path("status", "nodeInfo", "kubeletVersion", default="")),
    ),
    kinds.NAMESPACES: (("Status", "string", 0, _path("status", "phase", default="")),),
    kinds.DEPLOYMENTS: (
        ("Ready", "string", 0, _fraction("readyReplicas", ("spec", "replicas"))),
        ("Up-to-date", "integer", 0, _path("status", "updatedReplicas")),
        ("Available", "integer", 0, _path("status", "availableReplicas")),
    ),
    kinds.REPLICA_SETS: (
        ("Desired", "integer", 0, _path("spec", "replicas")),
        ("Current", "integer", 0, _path("status", "replicas")),
        ("Ready", "integer", 0, _path("status", "readyReplicas")),
    ),
    kinds.STATEFUL_SETS: (("Ready", "string", 0, _fraction("readyReplicas", ("spec", "replicas"))),),
    kinds.DAEMON_SETS: (
        ("Desired", "integer", 0, _path("status", "desiredNumberScheduled")),
        ("Current", "integer", 0, _path("status", "currentNumberScheduled")),
        ("Ready", "integer", 0, _path("status", "numberReady")),
        ("Up-to-date", "integer", 0, _path("status", "updatedNumberScheduled")),
        ("Available", "integer", 0, _path("status", "numberAvailable")),
        ("Node Selector", "string", 0, _selector),
    ),
    kinds.JOBS: (
        ("Status", "string", 0, _job_status),
        ("Completions", "string", 0, _fraction("succeeded", ("spec", "completions"))),
    ),
    kinds.CRON_JOBS: (
        ("Schedule", "string", 0, _path("spec", "schedule", default="")),
        ("Suspend", "boolean", 0, _path("spec", "suspend", default=False)),
    ),
    kinds.DISRUPTION_BUDGETS: (
        ("Min Available", "string", 0, _path("spec", "minAvailable", default="N/A")),
        ("Max Unavailable", "string", 0, _path("spec", "maxUnavailable", default="N/A")),
        ("Allowed Disruptions", "integer", 0, _path("status", "disruptionsAllowed")),
    ),
    kinds.CONFIG_MAPS: (("Data", "integer", 0, lambda obj: len(obj.get("data") or {})),),
    kinds.MUTATING_WEBHOOKS: (("Webhooks", "integer", 0, lambda obj: len(obj.get("webhooks") or ())),),
    kinds.EVENTS: (
        ("Type", "string", 0, _path("type", default="")),
        ("Reason", "string", 0, _path("reason", default="")),
        ("Object", "string", 0, lambda e: f"{e['involvedObject']['kind'].lower()}/{e['involvedObject']['name']}"),
        ("Message", "string", 0, _path("message", default="")),
    ),
    kinds.ROLE_BINDINGS: (("Role", "string", 0, lambda b: f"{b['roleRef']['kind']}/{b['roleRef']['name']}"),),
    kinds.CLUSTER_ROLE_BINDINGS: (("Role", "string", 0, lambda b: f"{b['roleRef']['kind']}/{b['roleRef']['name']}"),),
}


def _definition(title: str, kind: str, description: str, priority: int = 0) -> Obj:
    shape = "name" if title == "Name" else ""
    return {"name": title, "type": kind, "format": shape, "description": description, "priority": priority}


def table(kind: KubeKind, objects: Sequence[Obj], metadata: Obj, include: str, now: float) -> Obj:
    """meta.k8s.io/v1 Table; `include` is None, Metadata or Object, as `includeObject` of the request."""
    columns = _COLUMNS.get(kind, ())
    narrow = [column for column in columns if not column[2]]
    wide = [column for column in columns if column[2]]
    about = [_definition(title, shape, f"{title} of the {kind.singular}.", low) for title, shape, low, _ in columns]
    shown = [_definition("Name", "string", _NAME), *about[: len(narrow)], _definition("Age", "string", _AGE)]
    rows = []
    for obj in objects:
        since = age(now - parse_time(obj["metadata"]["creationTimestamp"]))
        cells = [name(obj), *(cell(obj) for _, _, _, cell in narrow), since, *(cell(obj) for _, _, _, cell in wide)]
        included: Obj = {"Object": {"object": obj}, "Metadata": {"object": partial(obj)}}.get(include, {})
        rows.append({"cells": cells, **included})
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": [*shown, *about[len(narrow) :]],
        "rows": rows,
    }
