"""EKS add-ons."""

from __future__ import annotations

import uuid
from typing import TypedDict

from podid.domain.model import Addon
from podid.domain.patience import Patience
from podid.domain.plan import Action, State, Verb
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind, text
from podid.ops.clients import Clients


class AddonState(TypedDict, total=False):
    addonName: str
    addonVersion: str
    configurationValues: str


class EksAddonKind(ResourceKind):
    name = "addon"
    title = "add-on"
    state = AddonState
    keys = ("addonName",)

    @staticmethod
    def state_of(addon: Addon) -> AddonState:
        return {
            "addonName": addon.name,
            "addonVersion": addon.version,
            "configurationValues": addon.configuration_values,
        }

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        addon = clients.eks.find_addon(cluster, keys["addonName"])
        return None if addon is None or addon.status == "DELETING" else self.state_of(addon)

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        name, after = action.keys["addonName"], action.after
        if after is None:
            clients.eks.delete_addon(cluster, name, preserve=False)
            return None
        write = clients.eks.update_addon if action.verb is Verb.UPDATE else clients.eks.create_addon
        answer = write(
            cluster,
            name,
            version=text(after, "addonVersion") or None,
            configuration_values=text(after, "configurationValues") or None,
            token=uuid.uuid4().hex,
        )
        return self.state_of(answer) if isinstance(answer, Addon) else after

    def operations(self) -> Operations:
        from podid.aws.eks import Eks

        return {
            Verb.NONE: (Eks.find_addon,),
            Verb.CREATE: (Eks.create_addon,),
            Verb.UPDATE: (Eks.update_addon,),
            Verb.DELETE: (Eks.delete_addon,),
        }

    def detail(self, state: State) -> str:
        version = text(state, "addonVersion")
        return f" {version}" if version else ""


ADDON = EksAddonKind()
