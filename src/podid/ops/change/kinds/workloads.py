"""Kinds of workload: restarts, which `podid.ops.restart` carries out; and for a migration from kiam and kube2iam, pod
templates and the agents themselves."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypedDict

from podid.calls.patience import Patience
from podid.domain.cluster import Pod, Workload
from podid.domain.errors import PodidError, TimedOut
from podid.domain.findings import Subject
from podid.domain.plan import Action, Done, State, Status, Verb, text, texts
from podid.domain.section import attempt, known_or
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import live, workload_subject
from podid.facts.index import index
from podid.facts.restarts import NewPods, is_kept
from podid.ops.change.kinds.base import Keys, OneTime, Operations, ResourceKind
from podid.ops.change.planned import with_changed
from podid.ops.clients import Site

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader

SECONDS_BETWEEN_READS = 2.0


class WorkloadState(TypedDict, total=False):
    namespace: str
    kind: str
    name: str


class OfWorkload(ResourceKind):
    """A workload, or a part of one."""

    state: ClassVar[type] = WorkloadState
    keys = ("namespace", "kind", "name")

    @staticmethod
    def state_of(workload: Subject) -> WorkloadState:
        return {"namespace": workload.namespace, "kind": workload.kind, "name": workload.name}

    def subject(self, action: Action) -> str:
        return str(_workload(action))


def _workload(action: Action) -> Subject:
    return Subject(**action.keys)


def not_finished(reader: "KubeReader", workload: Subject, waiting: str, since: datetime) -> str:
    """Return what a rollout still waits for, with the reason why its controller cannot create pods, such as a quota or
    an admission rule, if that can be read. The status of a Deployment has that reason, others have only events."""
    if workload.kind == "Deployment":
        return waiting
    place = (workload.namespace, workload.kind, workload.name)
    events = attempt(partial(reader.list_warnings, *place, reason="FailedCreate", since=since.replace(microsecond=0)))
    return ": ".join((waiting, *known_or(events, ())[-1:]))


class RestartState(WorkloadState, total=False):
    pods: int
    injected: int


class RestartKind(OneTime, OfWorkload):
    name = "restart"
    state = RestartState
    operations: ClassVar[Operations] = {
        Verb.RESTART: (
            "KubeReader.list_pods",
            "KubeReader.list_owners",
            "KubeReader.get_rollout",
            "KubeReader.find_service_account",
            "KubeWriter.restart",
        )
    }

    def verb(self, before: State | None, after: State | None) -> Verb:
        return Verb.RESTART

    def predict_all(self, snapshot: Snapshot, actions: Iterable[Action], now: datetime) -> Snapshot:
        return _with_new_pods(snapshot, set(map(_workload, actions)), now)

    def detail(self, state: State) -> str:
        """Return how many of the new pods have the injected fields, once the restart is done."""
        if "pods" not in state:
            return ""
        return f" ({state['injected']} of {state['pods']} pods have the injected fields)"

    def settle(self, site: Site, action: Action) -> Done:
        reason = "settled: interrupted; `podid restart --stale` finds the remaining pods"
        return Done(action, Status.FAILED, action.after, reason)

    def not_undone(self, action: Action) -> str:
        return f"the restart of {self.subject(action)} cannot be undone; it did not change the workload's settings"


def _with_new_pods(snapshot: Snapshot, workloads: Collection[Subject], now: datetime, account: str = "") -> Snapshot:
    """Replace all pods of the workloads, on the same nodes; with another service account if `account` is set. Pods that
    the partition of a StatefulSet keeps are not replaced."""
    new = NewPods(snapshot, now)
    partitions = index(snapshot).partitions

    def replaced(pods: Iterable[Pod]) -> tuple[Pod, ...]:
        return tuple(
            new(replace(pod, service_account=account or pod.service_account))
            if live(pod)
            and (workload := workload_subject(pod)) in workloads
            and not is_kept(pod.name, partitions.get(workload, 0))
            else pod
            for pod in pods
        )

    return with_changed(snapshot, "pods", replaced)


def workload_of(keys: Keys) -> Subject:
    return Subject(keys["kind"], keys["name"], keys["namespace"])


class PodTemplateState(WorkloadState, total=False):
    serviceAccount: str
    annotations: Mapping[str, str]


class PodTemplateKind(OfWorkload):
    """Service account and role annotations of the pod template of a workload. A change ends when its rollout does."""

    name = "pod-template"
    awaits_rollout = True
    title = "pod template of"
    state = PodTemplateState
    operations: ClassVar[Operations] = {
        Verb.NONE: ("KubeReader.find_pod_template",),
        Verb.UPDATE: ("KubeWriter.patch_pod_template", "KubeReader.get_rollout"),
    }
    overwrites = frozenset({Verb.UPDATE})

    @staticmethod
    def state_of(
        workload: Subject, *, account: str = "", annotations: Mapping[str, str] | None = None
    ) -> PodTemplateState:
        """Return the state with only the members that are specified."""
        state: PodTemplateState = {"namespace": workload.namespace, "kind": workload.kind, "name": workload.name}
        if account:
            state["serviceAccount"] = account
        if annotations is not None:
            state["annotations"] = dict(annotations)
        return state

    def reading(self, action: Action) -> Keys:
        names = {name for state in (action.before, action.after) for name in texts(state, "annotations")}
        return {**action.keys, "annotations": ",".join(sorted(names))}

    def read(self, site: Site, keys: Keys) -> State | None:
        names = filter(None, keys.get("annotations", "").split(","))
        template = site.clients.kube.reader.find_pod_template(
            keys["kind"], keys["namespace"], keys["name"], frozenset(names)
        )
        if template is None:
            return None
        return self.state_of(
            template.subject, account=template.workload.service_account, annotations=template.annotations
        )

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        before, after = texts(action.before, "annotations"), texts(action.after, "annotations")
        old, new = (text(state, "serviceAccount") for state in (action.before, action.after))
        gone: dict[str, str | None] = dict.fromkeys(before.keys() - after.keys())
        site.clients.kube.writer.patch_pod_template(**action.keys, account=new, annotations={**after, **gone})
        if action.keys["kind"] != "CronJob" and (old != new or before != after):
            self._wait(site, action, patience)
        return self.read(site, self.reading(action))

    def _wait(self, site: Site, action: Action, patience: Patience) -> None:
        workload, waiting, began = _workload(action), "not started", patience.clock.now()
        for _ in patience.rounds(lambda: SECONDS_BETWEEN_READS):
            rollout = site.clients.kube.reader.get_rollout(**action.keys)
            if rollout.failed:
                raise PodidError(f"The rollout of {self.subject(action)} failed: {rollout.failed}")
            # a user must replace the pods of such a workload
            if not rollout.waiting or rollout.paused or rollout.on_delete:
                return
            waiting = rollout.waiting
            patience.say(f"{workload}: {waiting}")
        waiting = not_finished(site.clients.kube.reader, workload, waiting, began)
        raise TimedOut(f"The rollout of {workload} did not finish in time: {waiting}")

    def predict(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        workload, account = _workload(action), text(action.after, "serviceAccount")

        def renamed(workloads: Iterable[Workload]) -> tuple[Workload, ...]:
            return tuple(
                replace(item, service_account=account or item.service_account) if item.subject == workload else item
                for item in workloads
            )

        facts = index(snapshot)
        rolling = {workload} - facts.on_delete - facts.paused
        return with_changed(_with_new_pods(snapshot, rolling, now, account), "workloads", renamed)

    def subject(self, action: Action) -> str:
        return f"{self.title} {super().subject(action)}"

    def detail(self, state: State) -> str:
        account = text(state, "serviceAccount")
        return f" (service account {account})" if account else ""


class AgentKind(OfWorkload):
    """The DaemonSets and Deployments of kiam and kube2iam, which podid only deletes."""

    name = "agent-workload"
    title = "agent"
    operations: ClassVar[Operations] = {
        Verb.NONE: ("KubeReader.find_agent_template",),
        Verb.DELETE: ("KubeWriter.delete_workload",),
    }
    once_deleted = (
        "without the agent, pods can reach the metadata service of their node, with the node's role, unless the hop "
        "limit of the instances is 1",
        (
            "an iptables rule of the agent may stay on the nodes until they are replaced: it redirects "
            "requests to an agent that no longer exists"
        ),
        "podid undo cannot create an agent again: keep its manifest",
    )

    def read(self, site: Site, keys: Keys) -> State | None:
        template = site.clients.kube.reader.find_agent_template(**keys)
        return None if template is None else self.state_of(template.subject)

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        site.clients.kube.writer.delete_workload(**action.keys)
        return None

    def not_undone(self, action: Action) -> str:
        return f"podid does not keep the manifest of {self.subject(action)}: apply it again"


RESTART = RestartKind()
POD_TEMPLATE = PodTemplateKind()
AGENT = AgentKind()
