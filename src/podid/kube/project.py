"""From the API's JSON to the few fields that podid keeps. Pure; absent fields are Kubernetes' zero values.

Values of environment variables are dropped here, except those of `PLAIN_ENV`, and so are annotations that can quote
them (`kubectl.kubernetes.io/last-applied-configuration`).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from sys import intern
from typing import Any

from podid.domain.model import Container, DaemonSet, Node, OwnerRef, Pod, ServiceAccount, Workload

Json = Mapping[str, Any]

# variables whose value is no secret and decides which credentials an SDK takes
PLAIN_ENV = frozenset(
    {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_SDK_LOAD_CONFIG",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
    }
)
_PROXY_ENV = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"})
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_POD_ANNOTATIONS = ("eks.amazonaws.com/", "kubernetes.io/config.", "kubectl.kubernetes.io/restartedAt")
_EPOCH = datetime.fromtimestamp(0, UTC)


def pod(item: Json) -> Pod:
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    states = {s["name"]: s for s in (*_list(status, "initContainerStatuses"), *_list(status, "containerStatuses"))}
    conditions = {c.get("type"): c for c in _list(status, "conditions")}
    return Pod(
        namespace=intern(metadata.get("namespace", "")),
        name=metadata.get("name", ""),
        uid=metadata.get("uid", ""),
        service_account=intern(spec.get("serviceAccountName") or "default"),
        node=intern(spec.get("nodeName") or ""),
        phase=intern(status.get("phase") or ""),
        created_at=_time(metadata.get("creationTimestamp")),
        containers=(
            *(_container(c, states, init=True) for c in _list(spec, "initContainers")),
            *(_container(c, states, init=False) for c in _list(spec, "containers")),
        ),
        labels=_interned(metadata.get("labels")),
        annotations={k: v for k, v in (metadata.get("annotations") or {}).items() if k.startswith(_POD_ANNOTATIONS)},
        host_network=bool(spec.get("hostNetwork")),
        ready=(conditions.get("Ready") or {}).get("status") == "True",
        deleting="deletionTimestamp" in metadata,
        owner=owner(metadata),
        volumes=tuple(intern(v["name"]) for v in _list(spec, "volumes")),
        reason=status.get("reason") or _unscheduled(conditions),
    )


def node(item: Json) -> Node:
    metadata, status = item["metadata"], item.get("status") or {}
    labels = dict(metadata.get("labels") or {})
    info = status.get("nodeInfo") or {}
    return Node(
        name=metadata.get("name", ""),
        os=info.get("operatingSystem") or labels.get("kubernetes.io/os", ""),
        arch=info.get("architecture") or labels.get("kubernetes.io/arch", ""),
        compute_type=labels.get("eks.amazonaws.com/compute-type", ""),
        ready=any(c.get("type") == "Ready" and c.get("status") == "True" for c in _list(status, "conditions")),
        labels=labels,
        provider_id=(item.get("spec") or {}).get("providerID") or "",
        created_at=_time(metadata["creationTimestamp"]) if metadata.get("creationTimestamp") else None,
    )


def service_account(item: Json) -> ServiceAccount:
    metadata = item["metadata"]
    annotations = metadata.get("annotations") or {}
    return ServiceAccount(
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        uid=metadata.get("uid", ""),
        annotations={k: v for k, v in annotations.items() if k != _LAST_APPLIED},
    )


def daemon_set(item: Json) -> DaemonSet:
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    containers = _list(_template(spec).get("spec") or {}, "containers")
    return DaemonSet(
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        selector=dict((spec.get("selector") or {}).get("matchLabels") or {}),
        desired=status.get("desiredNumberScheduled") or 0,
        ready=status.get("numberReady") or 0,
        available=status.get("numberAvailable") or 0,
        updated=status.get("updatedNumberScheduled") or 0,
        generation=metadata.get("generation") or 0,
        observed_generation=status.get("observedGeneration") or 0,
        images=tuple(c.get("image", "") for c in containers),
        args=tuple(str(arg) for c in containers for arg in _list(c, "args")),
        labels=dict(metadata.get("labels") or {}),
    )


def workload(kind: str, item: Json) -> Workload:
    """A Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or CronJob; for the last two `replicas` is what runs."""
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    pod_spec = _template(spec).get("spec") or {}
    replicas, ready, updated = _counts(kind, spec, status)
    return Workload(
        kind=kind,
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        uid=metadata.get("uid", ""),
        service_account=pod_spec.get("serviceAccountName") or "default",
        replicas=replicas,
        ready=ready,
        updated=updated,
        generation=metadata.get("generation") or 0,
        observed_generation=status.get("observedGeneration") or 0,
        on_delete=(spec.get("updateStrategy") or {}).get("type") == "OnDelete",
        paused=bool(spec.get("paused") or spec.get("suspend")),
        labels=dict(metadata.get("labels") or {}),
        owner=owner(metadata),
    )


def owner(metadata: Json) -> OwnerRef | None:
    """The controlling owner, if there is one."""
    for reference in _list(metadata, "ownerReferences"):
        if reference.get("controller"):
            return OwnerRef(intern(reference["kind"]), intern(reference["name"]), intern(reference.get("uid", "")))
    return None


def _counts(kind: str, spec: Json, status: Json) -> tuple[int, int, int]:
    if kind == "DaemonSet":
        keys = ("desiredNumberScheduled", "numberReady", "updatedNumberScheduled")
        desired, ready, updated = (int(status.get(key) or 0) for key in keys)
        return desired, ready, updated
    if kind == "CronJob":
        active = len(_list(status, "active"))
        return active, active, active
    if kind == "Job":
        return int(status.get("active") or 0), int(status.get("ready") or 0), int(status.get("active") or 0)
    replicas = spec.get("replicas")
    updated = status.get("updatedReplicas") or 0
    return 1 if replicas is None else int(replicas), int(status.get("readyReplicas") or 0), int(updated)


def _template(spec: Json) -> Json:
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    return spec.get("template") or job.get("template") or {}


def _container(item: Json, states: Json, *, init: bool) -> Container:
    state = states.get(item["name"]) or {}
    return Container(
        name=intern(item["name"]),
        image=intern(item.get("image") or ""),
        init=init,
        env=_env(_list(item, "env")),
        ready=bool(state.get("ready")),
        waiting=intern(((state.get("state") or {}).get("waiting") or {}).get("reason") or ""),
        restarts=int(state.get("restartCount") or 0),
    )


def _env(items: Any) -> dict[str, str]:
    kept: dict[str, str] = {}
    for item in items:
        name = item["name"]
        if name in PLAIN_ENV:
            kept[intern(name)] = intern(item.get("value") or "")
        # an empty variable is none to an SDK
        elif (name.startswith("AWS_") or name.upper() in _PROXY_ENV) and (item.get("value") or item.get("valueFrom")):
            kept[intern(name)] = ""
    return kept


def _unscheduled(conditions: Json) -> str:
    scheduled = conditions.get("PodScheduled") or {}
    return scheduled.get("reason") or "" if scheduled.get("status") == "False" else ""


def _interned(labels: Any) -> dict[str, str]:
    return {intern(key): intern(value) for key, value in (labels or {}).items()}


def _list(item: Json, key: str) -> Any:
    """The API omits empty lists, and Go's nil ones arrive as null."""
    return item.get(key) or ()


def _time(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else _EPOCH
