"""The Job and disruption controllers, garbage collection and the end of namespaces."""

from podid.sandbox.kube import kinds
from podid.sandbox.kube.objects import (
    Obj,
    controller_of,
    get,
    is_ready,
    labels,
    name,
    namespace,
    parse_time,
    rfc3339,
    terminating,
    uid,
)
from podid.sandbox.kube.registry import Registry
from podid.sandbox.kube.selectors import matches
from podid.sandbox.kube.sets import PodMaker, active, compact, make_pod, owners, pods_of, resolve, with_condition


def sync_jobs(maker: PodMaker) -> None:
    for job, pods in owners(maker, kinds.JOBS):
        _sync_job(maker, job, pods)


def finished(job: Obj) -> str:
    """Return `Complete`, `Failed` or an empty string."""
    for entry in get(job, "status", "conditions", default=()):
        if entry["type"] in ("Complete", "Failed") and entry["status"] == "True":
            return str(entry["type"])
    return ""


def _sync_job(maker: PodMaker, job: Obj, pods: list[Obj]) -> None:
    registry, spec, status = maker.registry, job["spec"], dict(job["status"])
    now = registry.store.now()
    if finished(job):
        _expire(registry, job, now)
        return
    if spec.get("suspend"):
        return
    if "startTime" not in status:
        status["startTime"] = rfc3339(now)
        deadline = spec.get("activeDeadlineSeconds")
        if deadline is not None:
            _look_again(registry, deadline)
    phases = [get(pod, "status", "phase", default="Pending") for pod in pods]
    succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
    running = active(pods)
    conditions: list[Obj] = status.get("conditions", [])
    limit = spec.get("activeDeadlineSeconds")
    if limit is not None and now >= parse_time(status["startTime"]) + limit:
        conditions = _fail(conditions, "DeadlineExceeded", "Job was active longer than specified deadline", now)
    elif failed > spec["backoffLimit"]:
        conditions = _fail(conditions, "BackoffLimitExceeded", "Job has reached the specified backoff limit", now)
    elif succeeded >= spec["completions"]:
        conditions = _complete(conditions, now)
        status["completionTime"] = rfc3339(now)
    else:
        missing = min(spec["parallelism"], spec["completions"] - succeeded) - len(running)
        for _ in range(max(0, missing)):
            if maker.create(job, make_pod(job, spec["template"]), "job-controller"):
                break
        running = active(pods_of(registry, job))
    if conditions:
        for pod in running:
            maker.delete(job, pod, "job-controller")
        running = []
        if (ttl := spec.get("ttlSecondsAfterFinished")) is not None:
            _look_again(registry, ttl)
    status |= {
        "active": len(running),
        "succeeded": succeeded,
        "failed": failed,
        "ready": sum(map(is_ready, running)),
        "terminating": 0,
        "uncountedTerminatedPods": {},
        "conditions": conditions,
    }
    registry.set_status(kinds.JOBS, job, compact(status, ("ready", "terminating", "uncountedTerminatedPods")))


def _look_again(registry: Registry, seconds: float) -> None:
    registry.store.timeline.after(seconds + 1, lambda: registry.store.dirty(kinds.JOBS))


def _fail(conditions: list[Obj], reason: str, message: str, now: float) -> list[Obj]:
    for kind in ("FailureTarget", "Failed"):
        failed = {"type": kind, "status": "True", "reason": reason, "message": message}
        conditions = with_condition(conditions, failed, now)
    return conditions


def _complete(conditions: list[Obj], now: float) -> list[Obj]:
    completed = {"reason": "CompletionsReached", "message": "Reached expected number of succeeded pods"}
    for kind in ("SuccessCriteriaMet", "Complete"):
        conditions = with_condition(conditions, {"type": kind, "status": "True", **completed}, now)
    return conditions


def _expire(registry: Registry, job: Obj, now: float) -> None:
    ttl = job["spec"].get("ttlSecondsAfterFinished")
    ended = next(entry["lastTransitionTime"] for entry in job["status"]["conditions"] if entry["type"] == finished(job))
    if ttl is not None and now >= parse_time(ended) + ttl:
        registry.store.remove(kinds.JOBS, job)


def sync_disruption_budgets(registry: Registry) -> None:
    for budget in registry.store.all(kinds.DISRUPTION_BUDGETS):
        registry.set_status(kinds.DISRUPTION_BUDGETS, budget, budget_status(registry, budget))


def protects(budget: Obj, pod: Obj) -> bool:
    """Return whether a PodDisruptionBudget of the pod's namespace selects it."""
    return matches(budget["spec"].get("selector"), labels(pod))


def _expected(registry: Registry, pods: list[Obj]) -> int:
    """Return the number of pods that the controllers specify: 100 % of a budget."""
    replicas = {uid(owner): owner["spec"].get("replicas", 1) for owner in (_top(registry, pod) for pod in pods)}
    return sum(replicas.values())


def _top(registry: Registry, obj: Obj) -> Obj:
    """Return the topmost controller of a pod, such as its Deployment; the pod itself if it has none."""
    while reference := controller_of(obj):
        place = registry.store.uids.get(reference["uid"])
        owner = registry.store.find(place[0], *place[1]) if place else None
        if owner is None:
            break
        obj = owner
    return obj


def budget_status(registry: Registry, budget: Obj) -> Obj:
    """Return the status of the disruption controller. `disruptionsAllowed` decides on evictions."""
    now = registry.store.now()
    selected = [pod for pod in registry.store.all(kinds.PODS, namespace(budget)) if protects(budget, pod)]
    healthy = sum(map(is_ready, selected))
    fixed = isinstance(budget["spec"].get("minAvailable"), int)
    expected = len(active(selected)) if fixed else _expected(registry, selected)
    if "maxUnavailable" in budget["spec"]:
        desired = max(0, expected - resolve(budget["spec"]["maxUnavailable"], expected, up=True))
    else:
        desired = resolve(budget["spec"].get("minAvailable", 1), expected, up=True)
    allowed = max(0, healthy - desired)
    disruption_allowed = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "observedGeneration": budget["metadata"]["generation"],
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
    }
    return {
        "observedGeneration": budget["metadata"]["generation"],
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "conditions": with_condition(get(budget, "status", "conditions", default=[]), disruption_allowed, now),
    }


def collect_garbage(registry: Registry) -> None:
    """Delete the dependents of deleted objects."""
    for kind in kinds.ALL:
        for obj in registry.store.all(kind) if kind is not kinds.EVENTS else ():
            references = obj["metadata"].get("ownerReferences") or ()
            gone = references and all(reference["uid"] not in registry.store.uids for reference in references)
            if gone and not terminating(obj):
                registry.delete(kind, obj, {})


def end_namespaces(registry: Registry) -> None:
    """Delete the objects of terminating namespaces, then the namespaces."""
    for home in registry.store.all(kinds.NAMESPACES):
        if not terminating(home):
            continue
        remaining = 0
        for kind in kinds.ALL:
            if kind.namespaced:
                for obj in registry.store.all(kind, name(home)):
                    remaining += not registry.delete(kind, obj, {})[1]
        if not remaining:
            registry.store.remove(kinds.NAMESPACES, home)
