"""The scheduler and the kubelets: schedule, start and end pods."""

from collections.abc import Callable

from podid.sandbox.kube import kinds
from podid.sandbox.kube.faults import ClusterFaults
from podid.sandbox.kube.objects import (
    Obj,
    clone,
    condition,
    get,
    labels,
    name,
    namespace,
    rfc3339,
    rfc3339_micro,
    terminating,
    uid,
)
from podid.sandbox.kube.registry import Registry
from podid.sandbox.kube.selectors import pick_node
from podid.sandbox.kube.store import Timing

Runner = Callable[[Obj], tuple[int, str]]
"""What the containers of a pod with `restartPolicy` Never or OnFailure do: exit code and log text."""
_CONDITIONS = ("Initialized", "Ready", "ContainersReady", "PodScheduled")


def succeed(_: Obj) -> tuple[int, str]:
    return 0, ""


def is_agent(pod: Obj) -> bool:
    return labels(pod).get("app.kubernetes.io/instance") == "eks-pod-identity-agent"


class Kubelet:
    """The kubelets of all nodes. Each `sync` runs the due steps of every pod."""

    def __init__(self, registry: Registry, faults: ClusterFaults, timing: Timing) -> None:
        self._registry = registry
        self._store = registry.store
        self._faults = faults
        self._timing = timing
        self._planned: set[tuple[str, str]] = set()
        self.run: Runner = succeed
        self.output: dict[str, str] = {}
        """Log text of finished pods, by uid."""

    def sync(self) -> None:
        self._sync_nodes()
        for pod in self._store.all(kinds.PODS):
            node = pod["spec"].get("nodeName", "")
            if not node:
                self._schedule(pod)
            elif get(pod, "status", "phase") in ("Succeeded", "Failed"):
                continue
            elif self._store.find(kinds.NODES, "", node) is None:
                if terminating(pod):  # the pod garbage collector deletes the pods of deleted nodes
                    self._plan("stop", pod, self._timing.pod_stop)
            elif self._faults.unreachable(node):
                self._set_ready(pod, False)
            elif terminating(pod):
                self._plan("stop", pod, min(self._timing.pod_stop, pod["metadata"]["deletionGracePeriodSeconds"]))
            elif get(pod, "status", "phase") == "Pending":
                self._prepare(pod)
            else:
                self._sync_running(pod)

    def _sync_nodes(self) -> None:
        for node in self._store.all(kinds.NODES):
            down = self._faults.unreachable(name(node))
            ready = condition(node, "Ready")
            if ready is None or (ready["status"] == "Unknown") == down:
                continue
            reason = "NodeStatusUnknown" if down else "KubeletReady"
            message = "Kubelet stopped posting node status." if down else "kubelet is posting ready status"
            now = rfc3339(self._store.now())
            changed = {
                **ready,
                "status": "Unknown" if down else "True",
                "reason": reason,
                "message": message,
                "lastTransitionTime": now,
            }
            conditions = [changed if entry["type"] == "Ready" else entry for entry in node["status"]["conditions"]]
            self._registry.set_status(kinds.NODES, node, {**node["status"], "conditions": conditions})

    def renew_leases(self) -> None:
        """Renew the leases as every kubelet does each ten seconds, by the node's clock. Call it before each read of
        leases."""
        for node in map(name, self._store.all(kinds.NODES)):
            if not self._faults.unreachable(node):
                self._renew(node)

    def _renew(self, node: str) -> None:
        now = self._store.now()
        ahead = self._faults.clocks.get(node, self._faults.clocks.get("*", 0.0))
        spec = {"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": rfc3339_micro(now + ahead)}
        lease = self._store.find(kinds.LEASES, "kube-node-lease", node)
        if lease is None:
            written_lease = self._registry.create(
                kinds.LEASES, "kube-node-lease", {"metadata": {"name": node}, "spec": spec}
            )
        else:
            written_lease = self._registry.update(kinds.LEASES, lease, {**lease, "spec": spec})
        # the API server records the time of the write by its own clock
        written = {
            "manager": "kubelet",
            "operation": "Update",
            "apiVersion": "coordination.k8s.io/v1",
            "time": rfc3339(now),
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:holderIdentity": {}, "f:leaseDurationSeconds": {}, "f:renewTime": {}}},
        }
        self._store.replace(
            kinds.LEASES, {**written_lease, "metadata": {**written_lease["metadata"], "managedFields": [written]}}
        )

    def _plan(self, step: str, pod: Obj, seconds: float) -> None:
        """Plan the step after so many seconds, once for each pod and step."""
        key = (step, uid(pod))
        if key in self._planned:
            return
        self._planned.add(key)
        steps = {"start": self._start, "stop": self._stop, "finish": self._finish}
        self._store.timeline.after(seconds, lambda: self._perform(steps[step], key))

    def _perform(self, step: Callable[[Obj], None], key: tuple[str, str]) -> None:
        self._planned.discard(key)
        place = self._store.uids.get(key[1])
        if place is not None:
            pod = self._store.find(place[0], *place[1])
            if pod is not None and not self._faults.unreachable(pod["spec"].get("nodeName", "")):
                step(pod)

    def _schedule(self, pod: Obj) -> None:
        if terminating(pod):
            return
        node, why = pick_node(pod, self._store.all(kinds.NODES), self._store.all(kinds.PODS))
        if node is None:
            waiting = {
                "type": "PodScheduled",
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": rfc3339(self._store.now()),
                "reason": "Unschedulable",
                "message": why,
            }
            known = condition(pod, "PodScheduled")
            if known is None or known.get("message") != why:
                self._registry.set_status(kinds.PODS, pod, {**pod["status"], "conditions": [waiting]})
                self._registry.event(pod, "FailedScheduling", why, "default-scheduler", warning=True)
            return
        bound = clone(pod)
        bound["spec"]["nodeName"] = name(node)
        for key in ("topology.kubernetes.io/region", "topology.kubernetes.io/zone"):
            if key in labels(node):
                bound["metadata"].setdefault("labels", {}).setdefault(key, labels(node)[key])
        bound["status"] = {
            **{field: value for field, value in pod["status"].items() if field != "conditions"},
            "conditions": [_condition("PodScheduled", True, self._store.now())],
        }
        bound = self._store.replace(kinds.PODS, bound)
        message = f"Successfully assigned {namespace(pod)}/{name(pod)} to {name(node)}"
        self._registry.event(pod, "Scheduled", message, "default-scheduler")

    def _prepare(self, pod: Obj) -> None:
        images = {entry["image"] for entry in pod["spec"]["containers"]}
        if images & self._faults.image_pull_failing:
            self._waiting(pod, "ImagePullBackOff", "Back-off pulling image")
            return
        if is_agent(pod) and (line := self._faults.init_line(pod)) is not None:
            self._crash_at_init(pod, line)
            return
        self._waiting(pod, "ContainerCreating", "")
        self._plan("start", pod, self._timing.agent_start if is_agent(pod) else self._timing.pod_start)

    def _waiting(self, pod: Obj, reason: str, message: str) -> None:
        state: Obj = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        statuses = [_container_status(entry, state, ready=False) for entry in pod["spec"]["containers"]]
        self._registry.set_status(kinds.PODS, pod, {**pod["status"], "containerStatuses": statuses})

    def _start(self, pod: Obj) -> None:
        if terminating(pod) or get(pod, "status", "phase") != "Pending":
            return
        images = {entry["image"] for entry in pod["spec"]["containers"]}
        if images & self._faults.image_pull_failing or (is_agent(pod) and self._faults.init_line(pod) is not None):
            return
        now = self._store.now()
        node = self._store.find(kinds.NODES, "", pod["spec"]["nodeName"])
        host = _node_address(node)
        address = host if pod["spec"].get("hostNetwork") else self._pod_address()
        running = {"running": {"startedAt": rfc3339(now)}}
        done = {
            "terminated": {"exitCode": 0, "reason": "Completed", "startedAt": rfc3339(now), "finishedAt": rfc3339(now)}
        }
        status: Obj = {
            "phase": "Running",
            "conditions": [_condition(kind, True, now) for kind in _CONDITIONS],
            "hostIP": host,
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": rfc3339(now),
            "containerStatuses": [
                _container_status(entry, running, ready=True, pod=uid(pod)) for entry in pod["spec"]["containers"]
            ],
            "qosClass": pod["status"].get("qosClass", "BestEffort"),
        }
        if init := pod["spec"].get("initContainers"):
            status["initContainerStatuses"] = [_container_status(e, done, ready=True, pod=uid(pod)) for e in init]
        started = self._registry.set_status(kinds.PODS, pod, status)
        for container in pod["spec"]["containers"]:
            self._registry.event(started, "Started", f"Started container {container['name']}", "kubelet")
        if pod["spec"]["restartPolicy"] != "Always":
            self._plan("finish", started, self._timing.job)
        self._sync_running(started)

    def _pod_address(self) -> str:
        return f"10.244.{self._store.number(250) + 1}.{self._store.number(250) + 1}"

    def _sync_running(self, pod: Obj) -> None:
        if not is_agent(pod):
            self._set_ready(pod, True)
            return
        node = pod["spec"]["nodeName"]
        if (line := self._faults.crash_line(pod)) is not None:
            self._crash(pod, line)
        else:
            self._set_ready(pod, self._faults.agent_ready_on(node))

    def _set_ready(self, pod: Obj, ready: bool) -> None:
        known = condition(pod, "Ready")
        crashed = any("waiting" in entry["state"] for entry in pod["status"].get("containerStatuses", ()))
        if known is None or ((known["status"] == "True") == ready and not (ready and crashed)):
            return
        now = self._store.now()
        started = {"running": {"startedAt": rfc3339(now)}}
        statuses = [
            {**entry, "ready": ready, **({"state": started, "started": True} if ready and crashed else {})}
            for entry in pod["status"]["containerStatuses"]
        ]
        self._ready_status(pod, ready, statuses)

    def _ready_status(self, pod: Obj, ready: bool, statuses: list[Obj]) -> None:
        now = self._store.now()
        unready = [entry["name"] for entry in pod["spec"]["containers"]]
        why = {"reason": "ContainersNotReady", "message": f"containers with unready status: [{' '.join(unready)}]"}
        conditions = [
            {**_condition(entry["type"], ready, now), **({} if ready else why)}
            if entry["type"] in ("Ready", "ContainersReady")
            else entry
            for entry in pod["status"]["conditions"]
        ]
        status = {**pod["status"], "conditions": conditions, "containerStatuses": statuses}
        self._registry.set_status(kinds.PODS, pod, status)

    def _crash(self, pod: Obj, line: str) -> None:
        if any("waiting" in entry["state"] for entry in pod["status"].get("containerStatuses", ())):
            return
        now = rfc3339(self._store.now())
        run = {"startedAt": now, "finishedAt": now}
        ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": line, **run}}
        statuses = []
        for entry in pod["status"]["containerStatuses"]:
            which = f"container={entry['name']} pod={name(pod)}_{namespace(pod)}({uid(pod)})"
            message = f"back-off 5m0s restarting failed {which}"
            state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
            crashed = {"state": state, "lastState": ended, "ready": False, "started": False}
            statuses.append({**entry, **crashed, "restartCount": entry["restartCount"] + 5})
        self._ready_status(pod, False, statuses)
        self._registry.event(pod, "BackOff", "Back-off restarting failed container", "kubelet", warning=True)

    def _crash_at_init(self, pod: Obj, line: str) -> None:
        if "initContainerStatuses" in pod["status"]:
            return
        now = rfc3339(self._store.now())
        run = {"startedAt": now, "finishedAt": now}
        last = {"terminated": {"exitCode": 1, "reason": "Error", "message": line, **run}}
        backing_off = {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container"}
        waiting: Obj = {"waiting": backing_off}
        failing = [
            {**_container_status(entry, waiting, ready=False, pod=uid(pod)), "lastState": last, "restartCount": 5}
            for entry in pod["spec"]["initContainers"]
        ]
        kept: Obj = {"waiting": {"reason": "PodInitializing"}}
        statuses = [_container_status(entry, kept, ready=False) for entry in pod["spec"]["containers"]]
        status = {**pod["status"], "startTime": now, "initContainerStatuses": failing, "containerStatuses": statuses}
        self._registry.set_status(kinds.PODS, pod, status)
        self._registry.event(pod, "BackOff", "Back-off restarting failed container", "kubelet", warning=True)

    def _stop(self, pod: Obj) -> None:
        if terminating(pod):
            self._store.remove(kinds.PODS, pod)

    def _finish(self, pod: Obj) -> None:
        if terminating(pod):
            return
        code, text = self.run(pod)
        self.output[uid(pod)] = text
        now = rfc3339(self._store.now())
        reason = "Completed" if code == 0 else "Error"
        ended = {"exitCode": code, "reason": reason, "startedAt": pod["status"]["startTime"], "finishedAt": now}
        statuses = [
            {**entry, "state": {"terminated": ended}, "ready": False, "started": False}
            for entry in pod["status"]["containerStatuses"]
        ]
        self._ready_status(pod, False, statuses)
        finished = self._store.find(kinds.PODS, namespace(pod), name(pod))
        if finished is not None:
            phase = "Succeeded" if code == 0 else "Failed"
            self._registry.set_status(kinds.PODS, finished, {**finished["status"], "phase": phase})


def _condition(kind: str, holds: bool, now: float) -> Obj:
    return {
        "type": kind,
        "status": "True" if holds else "False",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(now),
    }


def _container_status(container: Obj, state: Obj, *, ready: bool, pod: str = "") -> Obj:
    status: Obj = {"name": container["name"], "state": state, "lastState": {}, "ready": ready, "restartCount": 0}
    status["image"] = container["image"]
    status["imageID"] = "sha256:0" if pod else ""
    if pod:
        status["containerID"] = f"containerd://{pod.replace('-', '')}"
    status["started"] = "running" in state
    return status


def _node_address(node: Obj | None) -> str:
    for address in get(node, "status", "addresses", default=()):
        if address["type"] == "InternalIP":
            return str(address["address"])
    return "10.0.0.10"
