"""What the workload controllers share: the pods they own, creating and counting them."""

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
    name,
    namespace,
    owner_reference,
    parse_time,
    rfc3339,
    terminating,
    uid,
)
from podid.sandbox.kube.registry import Registry
from podid.sandbox.kube.status import StatusError


def owned(registry: Registry, kind: KubeKind) -> dict[str, list[Obj]]:
    """Objects of a kind by the uid of their controller, oldest first."""
    found: dict[str, list[Obj]] = {}
    for obj in registry.store.all(kind):
        if reference := controller_of(obj):
            found.setdefault(reference["uid"], []).append(obj)
    for group in found.values():
        group.sort(key=lambda obj: (obj["metadata"]["creationTimestamp"], int(obj["metadata"]["resourceVersion"])))
    return found


def each(maker: "PodMaker", kind: KubeKind) -> Iterator[tuple[Obj, list[Obj]]]:
    """Every owner of a kind that is not on its way out, with its pods."""
    pods = owned(maker.registry, kinds.PODS)
    for owner in maker.registry.store.all(kind):
        if not terminating(owner):
            yield owner, pods.get(uid(owner), [])


def pods_of(registry: Registry, owner: Obj) -> list[Obj]:
    """The pods that `owner` controls right now."""
    return [
        pod for pod in registry.store.all(kinds.PODS, namespace(owner)) if get(controller_of(pod), "uid") == uid(owner)
    ]


def active(pods: list[Obj]) -> list[Obj]:
    """Neither finished nor on their way out."""
    return [pod for pod in pods if not terminating(pod) and get(pod, "status", "phase") not in ("Succeeded", "Failed")]


def available(pod: Obj, min_ready_seconds: int, now: float) -> bool:
    """Ready for at least `minReadySeconds`."""
    ready = condition(pod, "Ready")
    if ready is None or not is_ready(pod):
        return False
    return now - parse_time(ready["lastTransitionTime"]) >= min_ready_seconds


def make_pod(owner: Obj, template: Obj, *, pod_name: str = "", labels: dict[str, str] | None = None) -> Obj:
    """The pod that a controller posts for `owner`."""
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


LONGEST_RETRY = 1000.0


class PodMaker:
    """Creates and deletes pods for controllers, with the events they record."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._callers = 0
        self._failures: dict[str, int] = {}
        self._waiting: set[str] = set()

    def create(self, owner: Obj, pod: Obj, source: str) -> str:
        """Nothing on success, else the refusal's message."""
        # controllers keep no connection of their own to one replica of the webhook
        self._callers += 1
        try:
            made = self.registry.create(kinds.PODS, namespace(owner), pod, caller=self._callers)
        except StatusError as refusal:
            self.registry.event(owner, "FailedCreate", f"Error creating: {refusal.message}", source, warning=True)
            self._try_again(uid(owner))
            return refusal.message
        self._failures.pop(uid(owner), None)
        self.registry.event(owner, "SuccessfulCreate", f"Created pod: {name(made)}", source)
        return ""

    def _try_again(self, owner: str) -> None:
        """Later each time, as the controllers' queues do: k8s.io/client-go/util/workqueue."""
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
    """The first ones go first: unscheduled, not ready, then the newest."""
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
    """An IntOrString such as 1 or 25%, of `total`."""
    text = str(value)
    if not text.endswith("%"):
        return int(text)
    exact = int(text[:-1]) * total
    return -(-exact // 100) if up else exact // 100


def with_condition(conditions: list[Obj], new: Obj, now: float, *, updated: bool = False) -> list[Obj]:
    """The list with one condition set; the transition time moves only with the status."""
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
    return [entry if found["type"] == new["type"] else found for found in conditions]


def compact(status: Obj, keep: tuple[str, ...]) -> Obj:
    """Without the counters that are zero and that Kubernetes then leaves out."""
    return {key: value for key, value in status.items() if key in keep or value not in (0, [], None)}
