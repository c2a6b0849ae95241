"""How far a restart has come, by the rules of `kubectl rollout status`
(https://github.com/kubernetes/kubectl/blob/master/pkg/polymorphichelpers/rollout_status.go)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The state of a Deployment, StatefulSet or DaemonSet. `waiting` says what is still missing, "" when nothing is;
    `failed` why the controller gave up. `held_back` counts replicas that a StatefulSet's partition keeps old."""

    kind: str
    namespace: str
    name: str
    desired: int
    updated: int
    available: int
    waiting: str = ""
    failed: str = ""
    paused: bool = False
    on_delete: bool = False
    held_back: int = 0
    restarted_at: str = ""

    @property
    def done(self) -> bool:
        return not self.waiting and not self.failed


def rollout(kind: str, item: Mapping[str, Any]) -> Rollout:
    metadata, spec, status = item["metadata"], item.get("spec") or {}, item.get("status") or {}
    strategy = spec.get("updateStrategy") or {}
    template = (spec.get("template") or {}).get("metadata") or {}
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0) if kind == "StatefulSet" else 0
    if kind == "DaemonSet":
        desired = int(status.get("desiredNumberScheduled") or 0)
        updated, available = (int(status.get(k) or 0) for k in ("updatedNumberScheduled", "numberAvailable"))
    else:
        desired = 1 if spec.get("replicas") is None else int(spec["replicas"])
        updated, available = (int(status.get(k) or 0) for k in ("updatedReplicas", "availableReplicas"))
    held_back = min(partition, desired)
    seen = int(status.get("observedGeneration") or 0) >= int(metadata.get("generation") or 0)
    return Rollout(
        kind=kind,
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        desired=desired,
        updated=updated,
        available=available,
        waiting=_waiting(kind, status, desired, updated, available, held_back)
        if seen
        else "its controller has not noticed it yet",
        failed=_failed(status) if seen else "",
        paused=bool(spec.get("paused")),
        on_delete=strategy.get("type") == "OnDelete",
        held_back=held_back,
        restarted_at=(template.get("annotations") or {}).get(RESTARTED_AT, ""),
    )


def _waiting(kind: str, status: Mapping[str, Any], desired: int, updated: int, available: int, held_back: int) -> str:
    if updated < desired - held_back:
        return f"{updated} of {desired - held_back} pods are new"
    if kind == "Deployment":
        old = int(status.get("replicas") or 0) - updated
        if old > 0:
            return f"{old} old {'pod is' if old == 1 else 'pods are'} still to go"
    if available < desired:
        return f"{available} of {desired} pods are available"
    if kind == "StatefulSet" and not held_back and status.get("updateRevision") != status.get("currentRevision"):
        return "the new revision is not yet current"
    return ""


def _failed(status: Mapping[str, Any]) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return condition.get("message") or "ProgressDeadlineExceeded"
    return ""
