"""EKS add-ons."""

from __future__ import annotations

import json
import uuid
from typing import Annotated, Literal, TypedDict

from podid.domain.addons import Addon
from podid.domain.members import About
from podid.domain.patience import Patience
from podid.domain.plan import Action, State, Verb, text
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind
from podid.ops.clients import Clients

ResolveConflicts = Literal["NONE", "PRESERVE", "OVERWRITE"]
NO_VALUES = "{}"


class AddonState(TypedDict, total=False):
    addonName: str
    addonVersion: str
    configurationValues: str
    resolveConflicts: Annotated[ResolveConflicts, About("How EKS was told to treat fields that others have set.")]
    preserve: Annotated[bool, About("Whether a deletion leaves the workload in the cluster.")]
    updateId: Annotated[str, About("EKS's id of the update.")]


class EksAddonKind(ResourceKind):
    name = "addon"
    title = "add-on"
    state = AddonState
    keys = ("addonName",)
    overwrites = frozenset({Verb.UPDATE, Verb.DELETE})
    takes_effect = True
    manner = frozenset({"resolveConflicts", "preserve", "updateId"})

    @staticmethod
    def state_of(addon: Addon) -> AddonState:
        return {
            "addonName": addon.name,
            "addonVersion": addon.version,
            "configurationValues": _values(addon.configuration_values),
        }

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        addon = clients.eks.find_addon(cluster, keys["addonName"])
        return None if addon is None or addon.status == "DELETING" else self.state_of(addon)

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        name, before, after = action.keys["addonName"], action.before or {}, action.after
        if after is None:
            clients.eks.delete_addon(cluster, name, preserve=bool(before.get("preserve")))
            return None
        version = text(after, "addonVersion") or None
        resolve = text(after, "resolveConflicts") or None
        values = text(after, "configurationValues")
        if action.verb is Verb.UPDATE:
            # said in full each time: what EKS makes of an update without values depends on resolveConflicts
            cleared = NO_VALUES if text(before, "configurationValues") else ""
            update = clients.eks.update_addon(
                cluster,
                name,
                version=version,
                configuration_values=values or cleared or None,
                resolve_conflicts=resolve,
                token=uuid.uuid4().hex,
            )
            return {**after, "updateId": update}
        made = clients.eks.create_addon(
            cluster,
            name,
            version=version,
            configuration_values=values or None,
            resolve_conflicts=resolve,
            token=uuid.uuid4().hex,
        )
        return self.state_of(made)

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


def _values(configuration: str) -> str:
    """The values as EKS holds them; empty for an empty object, which says the same as none."""
    try:
        return "" if configuration and json.loads(configuration) == {} else configuration
    except ValueError:
        return configuration  # EKS takes YAML too, and keeps what it was given


ADDON = EksAddonKind()
