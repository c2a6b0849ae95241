"""Kinds of Kubernetes resource of a migration from kiam and kube2iam: pod templates, and the agents themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, TypedDict

from podid.calls.patience import Patience
from podid.domain.errors import PodidError, TimedOut
from podid.domain.findings import Subject
from podid.domain.plan import Action, State, Verb, text, texts
from podid.domain.workloads import live, workload_subject
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind
from podid.ops.clients import Site

if TYPE_CHECKING:
    from podid.domain.cluster import Pod, Workload
    from podid.domain.snapshot import Snapshot

SECONDS_BETWEEN_READS = 2.0


class PodTemplateState(TypedDict, total=False):
    namespace: str
    kind: str
    name: str
    serviceAccount: str
    annotations: Mapping[str, str]


class PodTemplateKind(ResourceKind):
    """Service account and role annotations of the pod template of a workload. A change ends when its rollout does."""

    name = "pod-template"
    title = "pod template of"
    state = PodTemplateState
    keys = ("namespace", "kind", "name")
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
        old, new = (text(state or {}, "serviceAccount") for state in (action.before, action.after))
        kind, namespace, name = (action.keys[key] for key in ("kind", "namespace", "name"))
        gone: dict[str, str | None] = dict.fromkeys(before.keys() - after.keys())
        kube = site.clients.kube
        kube.writer.patch_pod_template(kind, namespace, name, account=new, annotations={**after, **gone})
        if kind != "CronJob" and (old != new or before != after):
            self._wait(site, action, patience)
        return self.read(site, self.reading(action))

    def _wait(self, site: Site, action: Action, patience: Patience) -> None:
        kind, namespace, name = (action.keys[key] for key in ("kind", "namespace", "name"))
        waiting = "not started"
        for _ in patience.rounds(lambda: SECONDS_BETWEEN_READS):
            rollout = site.clients.kube.reader.get_rollout(kind, namespace, name)
            if rollout.failed:
                raise PodidError(f"The rollout of {self.subject(action)} failed: {rollout.failed}")
            # a user must replace the pods of such a workload
            if not rollout.waiting or rollout.paused or rollout.on_delete:
                return
            waiting = rollout.waiting
            patience.say(f"{kind} {namespace}/{name}: {waiting}")
        raise TimedOut(f"The rollout of {kind} {namespace}/{name} did not finish in time: {waiting}")

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        """Replace all pods of the workload, on the same nodes."""
        from podid.facts.restarts import NewPods
        from podid.ops.change.planned import with_changed

        workload = Subject(action.keys["kind"], action.keys["name"], action.keys["namespace"])
        account = text(action.after or {}, "serviceAccount")
        new = NewPods(snapshot, now)

        def replaced(pods: Iterable[Pod]) -> tuple[Pod, ...]:
            return tuple(
                new(replace(pod, service_account=account or pod.service_account))
                if live(pod) and workload_subject(pod) == workload
                else pod
                for pod in pods
            )

        def renamed(workloads: Iterable[Workload]) -> tuple[Workload, ...]:
            return tuple(
                replace(item, service_account=account or item.service_account) if item.subject == workload else item
                for item in workloads
            )

        return with_changed(with_changed(snapshot, "pods", replaced), "workloads", renamed)

    def subject(self, action: Action) -> str:
        return f"{self.title} {action.keys['kind']} {action.keys['namespace']}/{action.keys['name']}"

    def detail(self, state: State) -> str:
        account = text(state, "serviceAccount")
        return f" (service account {account})" if account else ""


class AgentState(TypedDict, total=False):
    namespace: str
    kind: str
    name: str


class AgentKind(ResourceKind):
    """The DaemonSets and Deployments of kiam and kube2iam, which podid only deletes."""

    name = "agent-workload"
    title = "agent"
    state = AgentState
    keys = ("namespace", "kind", "name")
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

    @staticmethod
    def state_of(workload: Subject) -> AgentState:
        return {"namespace": workload.namespace, "kind": workload.kind, "name": workload.name}

    def read(self, site: Site, keys: Keys) -> State | None:
        template = site.clients.kube.reader.find_agent_template(keys["kind"], keys["namespace"], keys["name"])
        return None if template is None else self.state_of(template.subject)

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        site.clients.kube.writer.delete_workload(**action.keys)
        return None

    def subject(self, action: Action) -> str:
        return f"{action.keys['kind']} {action.keys['namespace']}/{action.keys['name']}"

    def not_undone(self, action: Action) -> str:
        return f"podid does not keep the manifest of {self.subject(action)}: apply it again"


POD_TEMPLATE = PodTemplateKind()
AGENT = AgentKind()
