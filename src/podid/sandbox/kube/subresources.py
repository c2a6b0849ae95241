"""The subresources token, log, eviction, scale and status."""

import json
from collections.abc import Callable
from typing import Any

from podid.sandbox.http import HttpRequest
from podid.sandbox.kube import kinds
from podid.sandbox.kube.bodies import KubeAnswer, decoded, from_json
from podid.sandbox.kube.faults import ClusterFaults
from podid.sandbox.kube.jobs import budget_status, protects
from podid.sandbox.kube.kinds import KubeKind
from podid.sandbox.kube.objects import Obj, clone, get, is_ready, name, namespace, parse_time, terminating
from podid.sandbox.kube.registry import Registry
from podid.sandbox.kube.resources import ApiTarget, ResourceApi, dry_run, merge_patch
from podid.sandbox.kube.status import StatusError, bad_request, method_not_allowed, no_such_resource
from podid.sandbox.kube.tokens import TokenIssuer

Logs = Callable[[Obj, str], str]
"""The log text of a container of a pod."""


class Subresources:
    """Serves subresources. Callers hold the store's lock. Every method raises StatusError."""

    def __init__(
        self, registry: Registry, resources: ResourceApi, issuer: TokenIssuer, faults: ClusterFaults, logs: Logs
    ) -> None:
        self._registry = registry
        self._resources = resources
        self._issuer = issuer
        self._faults = faults
        self._logs = logs

    def serve(self, kind: KubeKind, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        if target.sub not in kind.subresources:
            raise no_such_resource()
        obj = self._registry.get(kind, target.namespace, target.name)
        if target.sub == "status":
            return self._resources.serve(kind, target, request)
        if target.sub == "scale":
            return self._scale(kind, obj, target, request)
        verbs = {"token": "create", "eviction": "create", "log": "get"}
        if target.verb != verbs[target.sub]:
            raise method_not_allowed()
        if target.sub == "token":
            dry = dry_run(request, "CreateOptions")
            return KubeAnswer(201, self._issuer.request(obj, decoded(request, "TokenRequest"), dry_run=dry))
        return self._log(obj, request) if target.sub == "log" else self._evict(obj, request)

    def _scale(self, kind: KubeKind, obj: Obj, target: ApiTarget, request: HttpRequest) -> KubeAnswer:
        if target.verb == "get":
            return KubeAnswer(200, _scale_of(obj))
        if target.verb == "patch":
            scale = merge_patch(_scale_of(obj), from_json(request.body, "Scale"))
        elif target.verb == "update":
            scale = decoded(request, "Scale")
        else:
            raise method_not_allowed()
        changed = clone(obj)
        changed["spec"]["replicas"] = int(get(scale, "spec", "replicas", default=0))
        dry = dry_run(request, "UpdateOptions")
        return KubeAnswer(200, _scale_of(self._registry.update(kind, obj, changed, dry_run=dry)))

    def _evict(self, pod: Obj, request: HttpRequest) -> KubeAnswer:
        dry = dry_run(request, "CreateOptions")
        eviction = decoded(request, "Eviction")
        store = self._registry.store
        # pods that do not run or are terminating count for no budget: k8s.io/kubernetes, pod/storage/eviction.go
        running = not terminating(pod) and get(pod, "status", "phase") == "Running"
        budgets = store.all(kinds.DISRUPTION_BUDGETS, namespace(pod)) if running else ()
        for budget in budgets:
            if protects(budget, pod):
                _withstand(budget, pod, budget_status(self._registry, budget))
        options: Obj = {**(eviction.get("deleteOptions") or {})}
        dry = dry or options.get("dryRun") == ["All"]
        self._registry.delete(kinds.PODS, pod, options, dry_run=dry)
        done = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
        return KubeAnswer(201, done)

    def _log(self, pod: Obj, request: HttpRequest) -> KubeAnswer:
        container = self._container(pod, request.arguments.get("container", ""))
        node = pod["spec"].get("nodeName", "")
        if self._faults.unreachable(node):
            url = f"https://{node}:10250/containerLogs/{namespace(pod)}/{name(pod)}/{container}"
            why = f"dial tcp: lookup {node} on 10.255.255.53:53: no such host"
            raise StatusError(500, "", f'Get "{url}": {why}')
        state: Obj = next(
            (
                entry["state"]
                for field in ("containerStatuses", "initContainerStatuses")
                for entry in get(pod, "status", field, default=())
                if entry["name"] == container
            ),
            {},
        )
        reason = get(state, "waiting", "reason", default="" if state else "PodInitializing")
        if reason and reason != "CrashLoopBackOff":
            raise bad_request(f'container "{container}" in pod "{name(pod)}" is waiting to start: {reason}')
        text = self._logs(pod, container)
        lines = text.splitlines(keepends=True)
        began = get(pod, "status", "startTime", default=pod["metadata"]["creationTimestamp"])
        if (since := request.arguments.get("sinceSeconds", "")).isdigit():
            begin = self._registry.store.now() - int(since)
            lines = [line for line in lines if parse_time(_written(line, began)) >= begin]
        if request.arguments.get("timestamps") == "true":
            lines = [f"{_written(line, began)} {line}" for line in lines]
        if (tail := request.arguments.get("tailLines", "")).isdigit():
            lines = lines[-int(tail) :] if int(tail) else []
        text = "".join(lines)
        if (limit := request.arguments.get("limitBytes", "")).isdigit():
            text = text[: int(limit)]
        return KubeAnswer(200, text)

    def _container(self, pod: Obj, container: str) -> str:
        containers = [entry["name"] for entry in pod["spec"]["containers"]]
        init = [entry["name"] for entry in pod["spec"].get("initContainers") or ()]
        if container in containers or container in init:
            return container
        if container:
            raise bad_request(f"container {container} is not valid for pod {name(pod)}")
        if len(containers) == 1:
            return str(containers[0])
        also = f" or one of the init containers: [{' '.join(init)}]" if init else ""
        raise bad_request(
            f"a container name must be specified for pod {name(pod)}, choose one of: [{' '.join(containers)}]{also}"
        )


def _written(line: str, began: str) -> str:
    """Return the time of the line, otherwise the start of its pod."""
    try:
        return str(json.loads(line)["time"])
    except (ValueError, KeyError, TypeError):
        return began


def _withstand(budget: Obj, pod: Obj, state: Obj) -> None:
    """Raise 429 if a budget protects the pod. A pod that is not ready may be evicted while the budget is met."""
    always = budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
    kept = 0 < state["desiredHealthy"] <= state["currentHealthy"]
    if state["disruptionsAllowed"] <= 0 and (is_ready(pod) or not (always or kept)):
        raise _over_budget(budget, state)


def _over_budget(budget: Obj, state: Obj) -> StatusError:
    needs = f"The disruption budget {name(budget)} needs {state['desiredHealthy']} healthy pods"
    disruption = {"reason": "DisruptionBudget", "message": f"{needs} and has {state['currentHealthy']} currently"}
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    return StatusError(429, "TooManyRequests", message, {"causes": [disruption]})


def _scale_of(obj: Obj) -> Obj:
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    selector: dict[str, Any] = get(obj, "spec", "selector", "matchLabels", default={})
    status: Obj = {"replicas": get(obj, "status", "replicas", default=0)}
    status["selector"] = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: obj["metadata"][field] for field in kept},
        "spec": {"replicas": obj["spec"]["replicas"]},
        "status": status,
    }
