"""The trust policy of a role that exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast

from podid.domain.errors import Conflict, TimedOut
from podid.domain.members import PolicyObject
from podid.domain.model import Role
from podid.domain.patience import Patience
from podid.domain.plan import Action, State, Verb, matches
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind, moved
from podid.ops.clients import Clients

READ_BACK_SECONDS = 7.5


class RoleTrustState(TypedDict, total=False):
    roleName: str
    policyDocument: PolicyObject


class RoleTrustKind(ResourceKind):
    name = "role-trust"
    title = "role trust"
    state = RoleTrustState
    keys = ("roleName",)
    account_wide = True

    @staticmethod
    def state_of(role: Role) -> RoleTrustState:
        return {"roleName": role.name, "policyDocument": dict(role.trust)}

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        role = clients.iam.find_role(keys["roleName"])
        return None if role is None else self.state_of(role)

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        """IAM has no compare-and-swap: read just before writing and read back after."""
        name = action.keys["roleName"]
        if action.after is None:
            raise Conflict(f"The trust policy of {name} cannot be removed, only changed", subject=name)
        if not matches(action.before, self.state_of(clients.iam.get_role(name))):
            raise moved(f"trust policy of role {name}", action)
        wanted = cast("Mapping[str, object]", action.after["policyDocument"])
        clients.iam.update_trust(name, wanted)
        for _ in patience.within(READ_BACK_SECONDS).rounds(0.5, longest=4.0):
            if clients.iam.get_role(name).trust == wanted:
                return action.after
        raise TimedOut(
            f"IAM accepted the trust policy of role {name} but does not give it back yet",
            hint=("podid", "role", "show", name),
            subject=name,
        )

    def operations(self) -> Operations:
        from podid.aws.iam import Iam

        return {Verb.NONE: (Iam.find_role,), Verb.UPDATE: (Iam.get_role, Iam.update_trust)}


ROLE_TRUST = RoleTrustKind()
