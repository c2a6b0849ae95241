"""The pod identity associations that an add-on owns: one list, which EKS replaces as a whole."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from podid.calls.patience import Patience
from podid.domain.aws import Addon
from podid.domain.errors import Conflict, NotFound, PodidError, TimedOut
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, State, Verb, texts
from podid.ops.change.kinds.association import with_association
from podid.ops.change.kinds.base import ANY_WRITE, Keys, Operations, ResourceKind, read_back
from podid.ops.change.propagation import Lately, waits_for
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.domain.snapshot import Snapshot

UPDATE_SECONDS = 900.0


class AddonAssociationsState(TypedDict, total=False):
    addonName: str
    namespace: str
    roles: Mapping[str, str]


class AddonAssociationsKind(ResourceKind):
    """`roles` maps each service account to its role's ARN. What the plan did not see is never written over: the list is
    read again just before the write, and the whole of it has to be as it was."""

    name = "addon-associations"
    title = "associations of add-on"
    state = AddonAssociationsState
    keys = ("addonName",)
    takes_effect = True
    overwrites = ANY_WRITE

    @staticmethod
    def state_of(addon: Addon, roles: Mapping[str, str]) -> AddonAssociationsState:
        return {"addonName": addon.name, "namespace": addon.namespace, "roles": dict(sorted(roles.items()))}

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        addon = clients.eks.find_addon(cluster, keys["addonName"])
        return None if addon is None else self.state_of(addon, owned_roles(clients, cluster, addon))

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        """Ends when EKS is through with the update: until then it takes no other, and may still fail."""
        name, roles = action.keys["addonName"], roles_of(action.after)
        update_id = clients.eks.update_addon_associations(cluster, name, roles, token=uuid.uuid4().hex)
        for _ in patience.within(UPDATE_SECONDS).rounds(1.0, longest=5.0):
            update = read_back(
                lambda: clients.eks.get_update(cluster, update_id, addon=name), f"the associations of add-on {name}"
            )
            if update.status == "Successful":
                return action.after
            if update.status in ("Failed", "Cancelled"):
                told = f": {'; '.join(update.errors)}" if update.errors else ""
                raise Conflict(f"The update of add-on {name} ended as {update.status}{told}", subject=name)
            patience.say(f"the update of add-on {name} is {update.status}")
        raise TimedOut(f"EKS has not finished the update of add-on {name}", subject=name)

    def waits_for(
        self, error: PodidError, clients: Clients, cluster: str, action: Action, lately: Callable[[], Lately]
    ) -> PodidError:
        """As for an association of its own: EKS may not know a role that was made seconds ago, nor that an association
        is gone."""
        before, failure = roles_of(action.before), error
        changed = {name: arn for name, arn in roles_of(action.after).items() if before.get(name) != arn}
        for account, arn in changed.items():
            keys = {"namespace": str((action.after or {}).get("namespace")), "serviceAccount": account}
            alone = Action(self.name, Verb.CREATE, keys, None, {**keys, "roleArn": arn})
            try:
                return waits_for(error, clients, cluster, alone, lately)
            except PodidError as hopeless:
                failure = hopeless  # another of the roles may be the one that EKS means
        raise failure

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        from podid.domain.snapshot import Known, known_or

        before, after, state = roles_of(action.before), roles_of(action.after), action.after or action.before or {}
        name, namespace = action.keys["addonName"], str(state.get("namespace"))
        owner = next((addon for addon in known_or(snapshot.addons, ()) if addon.name == name), None)
        for account in sorted({*before, *after}):
            if before.get(account) != after.get(account):
                role, ref = after.get(account), ServiceAccountRef(namespace, account)
                wanted: State | None = None if role is None else {"roleArn": role}
                snapshot = with_association(snapshot, ref, wanted, now, owner_arn=owner.arn if owner else name)
        if owner is None:
            return snapshot
        owned = {ServiceAccountRef(namespace, account) for account in after}
        arns = (each.association_arn for each in known_or(snapshot.associations, ()) if each.ref in owned)
        changed = replace(owner, association_arns=tuple(arns))
        addons = tuple(changed if each is owner else each for each in known_or(snapshot.addons, ()))
        return replace(snapshot, addons=Known(addons))

    def operations(self) -> Operations:
        from podid.aws.eks import Eks

        return {
            Verb.NONE: (Eks.find_addon, Eks.get_association),
            Verb.UPDATE: (Eks.update_addon_associations, Eks.get_update),
        }

    def detail(self, state: State) -> str:
        told = [f"{account} -> {arn}" for account, arn in roles_of(state).items()]
        return f" {', '.join(told) or 'none'}"


def owned_roles(clients: Clients, cluster: str, addon: Addon) -> dict[str, str]:
    """Service account -> role's ARN, of the associations that the add-on owns; one that is gone is left out."""
    found: dict[str, str] = {}
    for arn in addon.association_arns:
        try:
            association = clients.eks.get_association(cluster, arn.rpartition("/")[2])
        except NotFound:
            continue
        found[association.service_account] = association.role_arn
    return found


def roles_of(state: State | None) -> Mapping[str, str]:
    return texts(state, "roles")


ADDON_ASSOCIATIONS = AddonAssociationsKind()
