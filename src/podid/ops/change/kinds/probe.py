"""The Jobs of `podid verify --probe`. They are written down like every other change, and run by
`podid.ops.reading.probes`."""

from __future__ import annotations

from typing import TypedDict

from podid.calls.patience import Patience
from podid.domain.errors import Conflict
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Done, State, Status, Verb
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind
from podid.ops.clients import Clients


class ProbeState(TypedDict, total=False):
    namespace: str
    name: str
    serviceAccount: str
    node: str
    image: str


class ProbeKind(ResourceKind):
    name = "probe"
    title = "probe Job"
    state = ProbeState
    keys = ("namespace", "name")
    passing = True

    @staticmethod
    def state_of(ref: ServiceAccountRef, name: str, *, node: str, image: str) -> ProbeState:
        return {
            "namespace": ref.namespace,
            "name": name,
            "serviceAccount": ref.name,
            "node": node,
            "image": image,
        }

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        return dict(keys) if clients.kube.reader.job_exists(keys["namespace"], keys["name"]) else None

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        raise Conflict("A probe cannot be replayed; use podid verify --probe", subject=action.target)

    def operations(self) -> Operations:
        from podid.kube.reader import KubeReader
        from podid.kube.writer import KubeWriter

        return {
            Verb.CREATE: (
                *(KubeWriter.create_probe, KubeWriter.delete_job, KubeReader.list_pods, KubeReader.read_log),
                KubeReader.list_warnings,
            ),
        }

    def settle(self, clients: Clients, cluster: str, action: Action) -> Done:
        current = self.read(clients, cluster, action.keys)
        left = "it is still there; Kubernetes deletes it by itself a minute after its deadline"
        return Done(action, Status.DONE, current, f"settled: {left if current else 'it is gone'}")

    def not_undone(self, action: Action) -> str:
        return f"the probe Job {action.target} has left nothing to undo"


PROBE = ProbeKind()
