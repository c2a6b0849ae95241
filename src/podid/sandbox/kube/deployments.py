"""The Deployment and ReplicaSet controllers."""

from podid.sandbox.kube import kinds
from podid.sandbox.kube.objects import (
    Obj,
    annotations,
    clone,
    condition,
    is_ready,
    labels,
    name,
    namespace,
    owner_reference,
    parse_time,
    template_hash,
    terminating,
    uid,
)
from podid.sandbox.kube.registry import Registry
from podid.sandbox.kube.sets import (
    PodMaker,
    active,
    available,
    compact,
    deletion_order,
    make_pod,
    owned,
    owners,
    pods_of,
    resolve,
    with_condition,
)

REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"


def sync_replica_sets(maker: PodMaker) -> None:
    """Create or delete pods of every ReplicaSet up to its replicas, and write its status."""
    for replica_set, pods in owners(maker, kinds.REPLICA_SETS):
        _sync_replica_set(maker, replica_set, pods)


def _sync_replica_set(maker: PodMaker, replica_set: Obj, pods: list[Obj]) -> None:
    registry, source = maker.registry, "replicaset-controller"
    running, desired = active(pods), replica_set["spec"]["replicas"]
    refusal = ""
    for _ in range(desired - len(running)):
        refusal = maker.create(replica_set, make_pod(replica_set, replica_set["spec"]["template"]), source)
        if refusal:
            break
    for pod in deletion_order(running)[: max(0, len(running) - desired)]:
        maker.delete(replica_set, pod, source)
    pods = pods_of(registry, replica_set)
    running, now = active(pods), registry.store.now()
    min_ready = int(replica_set["spec"].get("minReadySeconds", 0))
    conditions = [entry for entry in replica_set["status"].get("conditions", []) if entry["type"] != "ReplicaFailure"]
    if refusal:
        old = [entry for entry in replica_set["status"].get("conditions", []) if entry["type"] == "ReplicaFailure"]
        failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refusal}
        conditions += with_condition(old, failure, now)
    status = {
        "replicas": len(running),
        "fullyLabeledReplicas": len(running),
        "readyReplicas": sum(is_ready(pod) for pod in running),
        "availableReplicas": sum(available(pod, min_ready, now) for pod in running),
        "terminatingReplicas": sum(terminating(pod) for pod in pods),
        "observedGeneration": replica_set["metadata"]["generation"],
        "conditions": conditions,
    }
    registry.set_status(kinds.REPLICA_SETS, replica_set, compact(status, ("replicas", "terminatingReplicas")))


def sync_deployments(registry: Registry) -> None:
    """Run one step of every rollout: create and scale ReplicaSets, write the status."""
    replica_sets = owned(registry, kinds.REPLICA_SETS)
    for deployment in registry.store.all(kinds.DEPLOYMENTS):
        if not terminating(deployment):
            _Rollout(registry, deployment, replica_sets.get(uid(deployment), [])).step()


class _Rollout:
    def __init__(self, registry: Registry, deployment: Obj, replica_sets: list[Obj]) -> None:
        self._registry = registry
        self._deployment = deployment
        self._all = replica_sets
        self._new = next((rs for rs in replica_sets if _same_template(rs, deployment)), None)
        self._desired = int(deployment["spec"]["replicas"])
        rolling = deployment["spec"]["strategy"].get("rollingUpdate") or {}
        self._surge = resolve(rolling.get("maxSurge", 0), self._desired, up=True)
        self._unavailable = resolve(rolling.get("maxUnavailable", 0), self._desired, up=False)
        if self._surge == 0 and self._unavailable == 0:
            self._unavailable = 1
        self._recreate = deployment["spec"]["strategy"]["type"] == "Recreate"

    def step(self) -> None:
        if not self._deployment["spec"].get("paused"):
            self._find_new()
            if self._recreate:
                self._recreate_step()
            else:
                self._scale_new_up()
                self._scale_old_down()
            self._forget_old()
        elif self._new is not None and len(self._all) == 1:
            self._scale(self._new, self._desired)
        self._write_status()

    @property
    def _old(self) -> list[Obj]:
        return [rs for rs in self._all if self._new is None or uid(rs) != uid(self._new)]

    def _find_new(self) -> None:
        revision = max((int(annotations(rs).get(REVISION, "0")) for rs in self._old), default=0) + 1
        if self._new is None:
            self._new = self._create(revision)
            self._all.append(self._new)
        elif int(annotations(self._new).get(REVISION, "0")) < revision:
            self._new = self._annotate(self._new, {REVISION: str(revision)})
        number = annotations(self._new)[REVISION]
        if annotations(self._deployment).get(REVISION) != number:
            marked = clone(self._deployment)
            marked["metadata"].setdefault("annotations", {})[REVISION] = number
            self._deployment = self._registry.store.replace(kinds.DEPLOYMENTS, marked)

    def _create(self, revision: int) -> Obj:
        template = clone(self._deployment["spec"]["template"])
        digest = template_hash(template)
        template.setdefault("metadata", {}).setdefault("labels", {})[_HASH] = digest
        selector = clone(self._deployment["spec"]["selector"])
        selector.setdefault("matchLabels", {})[_HASH] = digest
        created = self._registry.create(
            kinds.REPLICA_SETS,
            namespace(self._deployment),
            {
                "metadata": {
                    "name": f"{name(self._deployment)}-{digest}",
                    "labels": dict(template["metadata"]["labels"]),
                    "annotations": {**self._size_annotations(), REVISION: str(revision)},
                    "ownerReferences": [owner_reference(self._deployment)],
                },
                "spec": {"replicas": self._first_size(), "selector": selector, "template": template}
                | {key: value for key, value in self._deployment["spec"].items() if key == "minReadySeconds"},
            },
        )
        if size := created["spec"]["replicas"]:
            message = f"Scaled up replica set {name(created)} from 0 to {size}"
            self._registry.event(self._deployment, "ScalingReplicaSet", message, "deployment-controller")
        return created

    def _first_size(self) -> int:
        total = sum(int(rs["spec"]["replicas"]) for rs in self._all)
        if self._recreate:
            return 0 if total else self._desired
        return max(0, min(self._desired, self._desired + self._surge - total))

    def _size_annotations(self) -> dict[str, str]:
        most = self._desired + (0 if self._recreate else self._surge)
        return {
            "deployment.kubernetes.io/desired-replicas": str(self._desired),
            "deployment.kubernetes.io/max-replicas": str(most),
        }

    def _annotate(self, replica_set: Obj, added: dict[str, str]) -> Obj:
        marked = clone(replica_set)
        marked["metadata"].setdefault("annotations", {}).update(added)
        return self._put(marked)

    def _put(self, replica_set: Obj) -> Obj:
        stored = self._registry.store.replace(kinds.REPLICA_SETS, replica_set)
        self._all = [stored if uid(rs) == uid(stored) else rs for rs in self._all]
        if self._new is not None and uid(self._new) == uid(stored):
            self._new = stored
        return stored

    def _scale(self, replica_set: Obj, replicas: int) -> None:
        before, sizes = replica_set["spec"]["replicas"], self._size_annotations()
        if before == replicas and sizes.items() <= annotations(replica_set).items():
            return
        changed = clone(replica_set)
        changed["metadata"].setdefault("annotations", {}).update(sizes)
        if before != replicas:
            changed["spec"]["replicas"] = replicas
            changed["metadata"]["generation"] += 1
            way = "up" if replicas > before else "down"
            message = f"Scaled {way} replica set {name(replica_set)} from {before} to {replicas}"
            self._registry.event(self._deployment, "ScalingReplicaSet", message, "deployment-controller")
        self._put(changed)

    def _recreate_step(self) -> None:
        for replica_set in self._old:
            if replica_set["spec"]["replicas"]:
                self._scale(replica_set, 0)
        gone = all(_count(rs, "replicas") + _count(rs, "terminatingReplicas") == 0 for rs in self._old)
        if gone and self._new is not None:
            self._scale(self._new, self._desired)

    def _scale_new_up(self) -> None:
        if self._new is None:
            return
        current, total = self._new["spec"]["replicas"], sum(rs["spec"]["replicas"] for rs in self._all)
        if current > self._desired:
            self._scale(self._new, self._desired)
        else:
            room = self._desired + self._surge - total
            self._scale(self._new, current + max(0, min(room, self._desired - current)))

    def _scale_old_down(self) -> None:
        if self._new is None:
            return
        least = self._desired - self._unavailable
        starting = self._new["spec"]["replicas"] - _count(self._new, "availableReplicas")
        removable = sum(rs["spec"]["replicas"] for rs in self._all) - least - starting
        for replica_set in self._old:
            unhealthy = replica_set["spec"]["replicas"] - _count(replica_set, "availableReplicas")
            fewer = max(0, min(removable, unhealthy))
            if fewer:
                self._scale(replica_set, replica_set["spec"]["replicas"] - fewer)
                removable -= fewer
        spare = min(removable, sum(_count(rs, "availableReplicas") for rs in self._all) - least)
        for replica_set in self._old:
            fewer = max(0, min(spare, replica_set["spec"]["replicas"]))
            if fewer:
                self._scale(replica_set, replica_set["spec"]["replicas"] - fewer)
                spare -= fewer

    def _forget_old(self) -> None:
        kept = int(self._deployment["spec"].get("revisionHistoryLimit", 10))
        idle = [rs for rs in self._old if rs["spec"]["replicas"] == 0 and _count(rs, "replicas") == 0]
        idle.sort(key=lambda rs: int(annotations(rs).get(REVISION, "0")))
        for replica_set in idle[: max(0, len(idle) - kept)]:
            self._registry.store.remove(kinds.REPLICA_SETS, replica_set)
            self._all = [rs for rs in self._all if uid(rs) != uid(replica_set)]

    def _write_status(self) -> None:
        before = self._deployment["status"]
        ready = sum(_count(rs, "readyReplicas") for rs in self._all)
        usable = sum(_count(rs, "availableReplicas") for rs in self._all)
        total = sum(_count(rs, "replicas") for rs in self._all)
        status = {
            "observedGeneration": self._deployment["metadata"]["generation"],
            "replicas": total,
            "updatedReplicas": _count(self._new, "replicas") if self._new else 0,
            "readyReplicas": ready,
            "availableReplicas": usable,
            "unavailableReplicas": max(0, max(total, self._desired) - usable),
            "terminatingReplicas": sum(_count(rs, "terminatingReplicas") for rs in self._all),
        }
        status["conditions"] = self._conditions(before, status)
        self._registry.set_status(kinds.DEPLOYMENTS, self._deployment, compact(status, ("terminatingReplicas",)))

    def _conditions(self, before: Obj, status: Obj) -> list[Obj]:
        now = self._registry.store.now()
        enough = status["availableReplicas"] >= self._desired - self._unavailable
        usable: Obj = {
            "type": "Available",
            "status": "True" if enough else "False",
            "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
            "message": f"Deployment {'has' if enough else 'does not have'} minimum availability.",
        }
        conditions = with_condition(before.get("conditions", []), usable, now, updated=True)
        if progress := self._progress(before, status, now):
            conditions = with_condition(conditions, progress, now, updated=True)
        conditions = [entry for entry in conditions if entry["type"] != "ReplicaFailure"]
        failure = condition(self._new, "ReplicaFailure") if self._new else None
        if failure:
            known = [entry for entry in before.get("conditions", []) if entry["type"] == "ReplicaFailure"]
            copied = {key: failure[key] for key in ("type", "status", "reason", "message")}
            conditions = conditions + with_condition(known, copied, now, updated=True)
        return conditions

    def _progress(self, before: Obj, status: Obj, now: float) -> Obj | None:
        if self._new is None:
            return None
        progress: Obj = {"type": "Progressing", "status": "True"}
        subject = f'ReplicaSet "{name(self._new)}"'
        desired = self._desired
        if status["updatedReplicas"] == status["replicas"] == status["availableReplicas"] == desired:
            return progress | {"reason": "NewReplicaSetAvailable", "message": f"{subject} has successfully progressed."}
        counters = ("updatedReplicas", "readyReplicas", "availableReplicas", "replicas")
        moved = any(before.get(key, 0) != status[key] for key in counters)
        known = condition(self._deployment, "Progressing")
        if moved or known is None or known["reason"] == "NewReplicaSetAvailable":
            self._registry.store.timeline.after(
                self._deployment["spec"]["progressDeadlineSeconds"] + 1,
                lambda: self._registry.store.dirty(kinds.DEPLOYMENTS),
            )
            return progress | {"reason": "ReplicaSetUpdated", "message": f"{subject} is progressing."}
        deadline = parse_time(known["lastUpdateTime"]) + self._deployment["spec"]["progressDeadlineSeconds"]
        if now >= deadline and not self._deployment["spec"].get("paused"):
            late = {
                "status": "False",
                "reason": "ProgressDeadlineExceeded",
                "message": f"{subject} has timed out progressing.",
            }
            return progress | late
        return None


def _count(replica_set: Obj, field: str) -> int:
    return int(replica_set["status"].get(field, 0))


def _same_template(replica_set: Obj, deployment: Obj) -> bool:
    template, desired = replica_set["spec"]["template"], deployment["spec"]["template"]
    metadata = {**template["metadata"], "labels": {k: v for k, v in labels(template).items() if k != _HASH}}
    return bool({**template, "metadata": metadata} == desired)
