"""Kubernetes service accounts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from podid.calls.patience import Patience
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, State, Verb
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.domain.snapshot import Snapshot


class ServiceAccountState(TypedDict, total=False):
    namespace: str
    name: str


class ServiceAccountKind(ResourceKind):
    name = "service-account"
    title = "service account"
    state = ServiceAccountState
    keys = ("namespace", "name")
    overwrites = frozenset({Verb.DELETE})

    @staticmethod
    def state_of(ref: ServiceAccountRef) -> ServiceAccountState:
        return {"namespace": ref.namespace, "name": ref.name}

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        found = clients.kube.reader.find_service_account(_ref(keys))
        return None if found is None else dict(keys)

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        if action.after is None:
            clients.kube.writer.delete_service_account(_ref(action.keys))
        else:
            clients.kube.writer.create_service_account(_ref(action.keys))
        return action.after

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        from podid.domain.cluster import ServiceAccount
        from podid.domain.snapshot import Known

        if not isinstance(snapshot.service_accounts, Known):
            return snapshot
        ref = _ref(action.keys)
        others = tuple(each for each in snapshot.service_accounts.value if each.ref != ref)
        made = ServiceAccount(namespace=ref.namespace, name=ref.name, created_at=now)
        return replace(snapshot, service_accounts=Known(others if action.after is None else (*others, made)))

    def operations(self) -> Operations:
        from podid.kube.reader import KubeReader
        from podid.kube.writer import KubeWriter

        return {
            Verb.NONE: (KubeReader.find_service_account,),
            Verb.CREATE: (KubeWriter.create_service_account,),
            Verb.DELETE: (KubeWriter.delete_service_account,),
        }


def _ref(keys: Keys) -> ServiceAccountRef:
    return ServiceAccountRef(keys["namespace"], keys["name"])


SERVICE_ACCOUNT = ServiceAccountKind()
