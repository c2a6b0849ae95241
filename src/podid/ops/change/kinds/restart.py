"""Restarts of workloads. They are written down like every other change and carried out by `podid.ops.restart`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from podid.calls.patience import Patience
from podid.domain.errors import Conflict
from podid.domain.plan import Action, Done, State, Status, Verb
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.domain.snapshot import Snapshot


class RestartState(TypedDict, total=False):
    namespace: str
    kind: str
    name: str
    pods: int
    injected: int


class RestartKind(ResourceKind):
    name = "restart"
    state = RestartState
    keys = ("namespace", "kind", "name")
    passing = True

    @staticmethod
    def state_of(namespace: str, kind: str, name: str) -> RestartState:
        return {"namespace": namespace, "kind": kind, "name": name}

    def verb(self, before: State | None, after: State | None) -> Verb:
        return Verb.RESTART

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        """A restart is no thing that could be there."""
        return None

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        raise Conflict("A restart cannot be replayed; use podid restart", subject=action.target)

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        """All pods of the workload anew, on the nodes where they are."""
        from podid.domain.findings import Subject
        from podid.domain.snapshot import Known
        from podid.domain.workloads import live, workload_subject
        from podid.facts.restarts import NewPods

        if not isinstance(snapshot.pods, Known):
            return snapshot
        workload, make = (
            Subject(action.keys["kind"], action.keys["name"], action.keys["namespace"]),
            NewPods(snapshot, now),
        )
        pods = (make(pod) if live(pod) and workload_subject(pod) == workload else pod for pod in snapshot.pods.value)
        return replace(snapshot, pods=Known(tuple(pods)))

    def operations(self) -> Operations:
        from podid.kube.reader import KubeReader
        from podid.kube.writer import KubeWriter

        return {
            Verb.RESTART: (
                KubeReader.list_pods,
                KubeReader.list_owners,
                KubeReader.get_rollout,
                KubeReader.find_service_account,
                KubeWriter.restart,
            ),
        }

    def subject(self, action: Action) -> str:
        return f"{action.keys['kind']} {action.keys['namespace']}/{action.keys['name']}"

    def detail(self, state: State) -> str:
        """Once it is done, how many pods have what they were replaced for."""
        if "pods" not in state:
            return ""
        return f" ({state['injected']} of {state['pods']} pods carry the injected fields)"

    def settle(self, clients: Clients, cluster: str, action: Action) -> Done:
        reason = "settled: cut short; `podid restart --stale` finds what is left"
        return Done(action, Status.FAILED, None, reason)

    def not_undone(self, action: Action) -> str:
        return f"the restart of {self.subject(action)} cannot be undone; it left the workload as it was"


RESTART = RestartKind()
