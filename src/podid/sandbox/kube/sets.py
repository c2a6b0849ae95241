"""The StatefulSet and DaemonSet controllers, and the common parts of workload controllers: creating and counting
pods."""

from collections.abc import Iterator

from podid.sandbox.kube import kinds
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.objects import (
    Obj,
    clone,
    condition,
    controller_of,
    get,
    is_ready,
    labels,
    name,
    namespace,
    owner_reference,
    parse_time,
    rfc3339,
    template_hash,
    terminating,
    uid,
)
from podid.sandbox.kube.registry import Registry
from podid.sandbox.kube.selectors import node_matches, tolerates_node
from podid.sandbox.kube.status import StatusError

LONGEST_RETRY = 1000.0
REVISION_HASH = "controller-revision-hash"


def owned(registry: Registry, kind: KubeKind) -> dict[str, list[Obj]]:
    """Return objects of a kind by the uid of their controller, oldest first."""
    objects: dict[str, list[Obj]] = {}
    for obj in registry.store.all(kind):
        if reference := controller_of(obj):
            objects.setdefault(reference["uid"], []).append(obj)
    for group in objects.values():
        group.sort(key=lambda obj: (obj["metadata"]["creationTimestamp"], int(obj["metadata"]["resourceVersion"])))
    return objects


def owners(maker: "PodMaker", kind: KubeKind) -> Iterator[tuple[Obj, list[Obj]]]:
    """Yield every owner of a kind that is not terminating, with its pods."""
    pods = owned(maker.registry, kinds.PODS)
    for owner in maker.registry.store.all(kind):
        if not terminating(owner):
            yield owner, pods.get(uid(owner), [])


def pods_of(registry: Registry, owner: Obj) -> list[Obj]:
    """Return the pods that `owner` controls right now."""
    return [
        pod for pod in registry.store.all(kinds.PODS, namespace(owner)) if get(controller_of(pod), "uid") == uid(owner)
    ]


def active(pods: list[Obj]) -> list[Obj]:
    """Return the pods that are neither finished nor terminating."""
    return [pod for pod in pods if not terminating(pod) and get(pod, "status", "phase") not in ("Succeeded", "Failed")]


def available(pod: Obj, min_ready_seconds: int, now: float) -> bool:
    """Return whether the pod has been ready for at least `minReadySeconds`."""
    ready = condition(pod, "Ready")
    if ready is None or not is_ready(pod):
        return False
    return now - parse_time(ready["lastTransitionTime"]) >= min_ready_seconds


def make_pod(owner: Obj, template: Obj, *, pod_name: str = "", labels: dict[str, str] | None = None) -> Obj:
    """Return the pod that a controller posts for `owner`."""
    metadata = clone(template.get("metadata") or {})
    metadata.pop("creationTimestamp", None)
    if pod_name:
        metadata["name"] = pod_name
    else:
        metadata["generateName"] = f"{name(owner)}-"
    if labels:
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    metadata["ownerReferences"] = [owner_reference(owner)]
    return {"metadata": metadata, "spec": clone(template["spec"])}


class PodMaker:
    """Creates and deletes pods for controllers, and records the events."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._callers = 0
        self._failures: dict[str, int] = {}
        self._waiting: set[str] = set()

    def create(self, owner: Obj, pod: Obj, source: str) -> str:
        """Create a pod. Return the message of a refusal; empty on success."""
        # each request of a controller may reach another replica of the webhook
        self._callers += 1
        try:
            created = self.registry.create(kinds.PODS, namespace(owner), pod, caller=self._callers)
        except StatusError as refusal:
            self.registry.event(owner, "FailedCreate", f"Error creating: {refusal.message}", source, warning=True)
            self._try_again(uid(owner))
            return refusal.message
        self._failures.pop(uid(owner), None)
        self.registry.event(owner, "SuccessfulCreate", f"Created pod: {name(created)}", source)
        return ""

    def _try_again(self, owner: str) -> None:
        """Plan the next try. The wait grows each time, as in the controllers' queues:
        k8s.io/client-go/util/workqueue."""
        if owner in self._waiting:
            return
        self._failures[owner] = self._failures.get(owner, 0) + 1
        self._waiting.add(owner)

        def again() -> None:
            self._waiting.discard(owner)
            self.registry.store.dirty(kinds.PODS)

        self.registry.store.timeline.after(min(2.0 ** self._failures[owner], LONGEST_RETRY), again)

    def delete(self, owner: Obj, pod: Obj, source: str) -> None:
        self.registry.delete(kinds.PODS, pod, {})
        self.registry.event(owner, "SuccessfulDelete", f"Deleted pod: {name(pod)}", source)


def deletion_order(pods: list[Obj]) -> list[Obj]:
    """Return the pods in the order of their deletion: unscheduled, not ready, then the newest."""
    return sorted(
        pods,
        key=lambda pod: (
            bool(pod["spec"].get("nodeName")),
            is_ready(pod),
            -parse_time(pod["metadata"]["creationTimestamp"]),
            name(pod),
        ),
    )


def resolve(value: object, total: int, *, up: bool) -> int:
    """Return the number for an IntOrString such as 1 or 25%, of `total`."""
    text = str(value)
    if not text.endswith("%"):
        return int(text)
    exact = int(text[:-1]) * total
    return -(-exact // 100) if up else exact // 100


def with_condition(conditions: list[Obj], new: Obj, now: float, *, updated: bool = False) -> list[Obj]:
    """Return the list with one condition set. The transition time changes only with the status."""
    known = next((entry for entry in conditions if entry["type"] == new["type"]), None)
    if known and all(known.get(key) == value for key, value in new.items()):
        return conditions
    same = known is not None and known["status"] == new["status"]
    entry: Obj = {"type": new["type"], "status": new["status"]}
    if updated:
        entry["lastUpdateTime"] = rfc3339(now)
    entry["lastTransitionTime"] = known["lastTransitionTime"] if known and same else rfc3339(now)
    entry |= {key: value for key, value in new.items() if key not in ("type", "status")}
    if known is None:
        return [*conditions, entry]
    return [entry if item["type"] == new["type"] else item for item in conditions]


def compact(status: Obj, keep: tuple[str, ...]) -> Obj:
    """Return the status without counters that are zero, which Kubernetes omits."""
    return {key: value for key, value in status.items() if key in keep or value not in (0, [], None)}


def _record_revision(registry: Registry, owner: Obj, revision: str) -> None:
    """Create the ControllerRevision that `kubectl rollout history` reads."""
    if registry.store.find(kinds.CONTROLLER_REVISIONS, namespace(owner), revision) is not None:
        return
    siblings = owned(registry, kinds.CONTROLLER_REVISIONS).get(uid(owner), [])
    number = max((int(entry["revision"]) for entry in siblings), default=0) + 1
    registry.create(
        kinds.CONTROLLER_REVISIONS,
        namespace(owner),
        {
            "metadata": {
                "name": revision,
                "labels": {**get(owner, "spec", "template", "metadata", "labels", default={}), REVISION_HASH: revision},
                "ownerReferences": [owner_reference(owner)],
            },
            "data": {"spec": {"template": clone(owner["spec"]["template"]) | {"$patch": "replace"}}},
            "revision": number,
        },
    )


def sync_stateful_sets(maker: PodMaker) -> None:
    for stateful_set, pods in owners(maker, kinds.STATEFUL_SETS):
        _sync_stateful_set(maker, stateful_set, pods)


def _sync_stateful_set(maker: PodMaker, owner: Obj, pods: list[Obj]) -> None:
    registry, spec = maker.registry, owner["spec"]
    update = f"{name(owner)}-{template_hash(spec['template'])}"
    _record_revision(registry, owner, update)
    current = owner["status"].get("currentRevision", update)
    by_name = {name(pod): pod for pod in pods}
    ordered = spec["podManagementPolicy"] == "OrderedReady"
    partition = get(spec, "updateStrategy", "rollingUpdate", "partition", default=0)
    settled = True
    for ordinal in range(spec["replicas"]):
        pod = by_name.get(f"{name(owner)}-{ordinal}")
        if pod is None:
            on_delete = spec["updateStrategy"]["type"] == "OnDelete"
            revision = update if on_delete or ordinal >= partition else current
            settled = False
            if maker.create(owner, _stateful_pod(owner, ordinal, revision), "statefulset-controller"):
                break
        if (pod is None or not is_ready(pod)) and ordered:
            settled = False
            break
        settled &= pod is not None and is_ready(pod)
    extra = [pod for pod in active(pods) if _ordinal(pod) >= spec["replicas"]]
    if extra and settled:
        maker.delete(owner, max(extra, key=_ordinal), "statefulset-controller")
    elif settled and spec["updateStrategy"]["type"] == "RollingUpdate":
        stale = [pod for pod in active(pods) if labels(pod).get(REVISION_HASH) != update and _ordinal(pod) >= partition]
        if stale:
            maker.delete(owner, max(stale, key=_ordinal), "statefulset-controller")
    _stateful_status(registry, owner, current, update)


def _ordinal(pod: Obj) -> int:
    return int(name(pod).rsplit("-", 1)[1])


def _stateful_pod(owner: Obj, ordinal: int, revision: str) -> Obj:
    pod_name = f"{name(owner)}-{ordinal}"
    added = {
        "apps.kubernetes.io/pod-index": str(ordinal),
        REVISION_HASH: revision,
        "statefulset.kubernetes.io/pod-name": pod_name,
    }
    pod = make_pod(owner, owner["spec"]["template"], pod_name=pod_name, labels=added)
    pod["spec"] |= {"hostname": pod_name, "subdomain": owner["spec"].get("serviceName", "")}
    return pod


def _stateful_status(registry: Registry, owner: Obj, current: str, update: str) -> None:
    pods = active(pods_of(registry, owner))
    updated = [pod for pod in pods if labels(pod).get(REVISION_HASH) == update]
    min_ready, now = int(owner["spec"].get("minReadySeconds", 0)), registry.store.now()
    desired = owner["spec"]["replicas"]
    on_delete = owner["spec"]["updateStrategy"]["type"] == "OnDelete"
    if not on_delete and len(updated) == desired == len(pods) and all(map(is_ready, pods)):
        current = update
    status = {
        "observedGeneration": owner["metadata"]["generation"],
        "replicas": len(pods),
        "readyReplicas": sum(map(is_ready, pods)),
        "currentReplicas": sum(labels(pod).get(REVISION_HASH) == current for pod in pods),
        "updatedReplicas": len(updated),
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": 0,
        "availableReplicas": sum(available(pod, min_ready, now) for pod in pods),
    }
    kept = ("replicas", "availableReplicas", "collisionCount")
    registry.set_status(kinds.STATEFUL_SETS, owner, compact(status, kept))


def sync_daemon_sets(maker: PodMaker) -> None:
    for daemon_set, pods in owners(maker, kinds.DAEMON_SETS):
        _sync_daemon_set(maker, daemon_set, pods)


def _sync_daemon_set(maker: PodMaker, owner: Obj, pods: list[Obj]) -> None:
    registry, spec = maker.registry, owner["spec"]
    nodes = [node for node in registry.store.all(kinds.NODES) if _belongs(spec["template"]["spec"], node)]
    targets = {name(node) for node in nodes}
    revision = template_hash(spec["template"])
    _record_revision(registry, owner, f"{name(owner)}-{revision}")
    running = active(pods)
    for pod in running:
        if _target(pod) not in targets:
            maker.delete(owner, pod, "daemonset-controller")
    # a terminating pod occupies its node until it is gone
    covered = {_target(pod) for pod in pods}
    for node in sorted(targets - covered):
        if maker.create(owner, _daemon_pod(owner, node, revision), "daemonset-controller"):
            break
    if spec["updateStrategy"]["type"] == "RollingUpdate":
        _roll(maker, owner, running, targets, revision)
    _daemon_status(registry, owner, targets, revision)


def _belongs(spec: Obj, node: Obj) -> bool:
    return node_matches(spec, node) and tolerates_node(spec, node)


def _target(pod: Obj) -> str:
    """Return the node of a daemon pod, scheduled or not."""
    if where := pod["spec"].get("nodeName"):
        return str(where)
    required = get(pod, "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    for term in get(required, "nodeSelectorTerms", default=()):
        for field in term.get("matchFields") or ():
            return str(field["values"][0])
    return ""


def _daemon_pod(owner: Obj, node: str, revision: str) -> Obj:
    added = {REVISION_HASH: revision, "pod-template-generation": str(owner["metadata"]["generation"])}
    pod = make_pod(owner, owner["spec"]["template"], labels=added)
    affinity = pod["spec"].setdefault("affinity", {}).setdefault("nodeAffinity", {})
    required = affinity.setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
    fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
    # the controller replaces the template's terms with the term of the node
    required["nodeSelectorTerms"] = [{"matchFields": fields}]
    tolerations = pod["spec"].setdefault("tolerations", [])
    for key in ("not-ready", "unreachable"):
        tolerations.append({"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute"})
    for key in ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"):
        tolerations.append({"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoSchedule"})
    return pod


def _roll(maker: PodMaker, owner: Obj, running: list[Obj], targets: set[str], revision: str) -> None:
    allowed = resolve(owner["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"], len(targets), up=True)
    ready = [pod for pod in running if is_ready(pod) and _target(pod) in targets]
    stale = [pod for pod in running if labels(pod).get(REVISION_HASH) != revision]
    for pod in [pod for pod in stale if not is_ready(pod)]:
        maker.delete(owner, pod, "daemonset-controller")
    budget = max(0, allowed - (len(targets) - len(ready)))
    for pod in [pod for pod in stale if is_ready(pod)][:budget]:
        maker.delete(owner, pod, "daemonset-controller")


def _daemon_status(registry: Registry, owner: Obj, targets: set[str], revision: str) -> None:
    pods = active(pods_of(registry, owner))
    placed = [pod for pod in pods if _target(pod) in targets]
    min_ready, now = int(owner["spec"].get("minReadySeconds", 0)), registry.store.now()
    usable = sum(available(pod, min_ready, now) for pod in placed)
    status = {
        "currentNumberScheduled": len(placed),
        "numberMisscheduled": len(pods) - len(placed),
        "desiredNumberScheduled": len(targets),
        "numberReady": sum(map(is_ready, placed)),
        "observedGeneration": owner["metadata"]["generation"],
        "updatedNumberScheduled": sum(labels(pod).get(REVISION_HASH) == revision for pod in placed),
        "numberAvailable": usable,
        "numberUnavailable": len(targets) - usable,
    }
    kept = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
    registry.set_status(kinds.DAEMON_SETS, owner, compact(status, kept))
