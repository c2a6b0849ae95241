"""The trust policy of a role that exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast

from podid.domain import trust
from podid.domain.errors import Conflict, InvalidInput, Other, TimedOut
from podid.domain.members import PolicyObject
from podid.domain.model import Role
from podid.domain.patience import Patience
from podid.domain.plan import Action, State, Verb, matches
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind, moved
from podid.ops.clients import Clients

READ_BACK_SECONDS = 7.5
LOOKS = 3


class RoleTrustState(TypedDict, total=False):
    roleName: str
    policyDocument: PolicyObject


class RoleTrustKind(ResourceKind):
    name = "role-trust"
    title = "role trust"
    state = RoleTrustState
    keys = ("roleName",)
    account_wide = True
    contended = True

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
            raise moved(self.subject(action), action)
        before, wanted = (document_of(state) for state in (action.before, action.after))
        clients.iam.update_trust(name, wanted)
        others = 0
        for _ in patience.within(READ_BACK_SECONDS).rounds(0.5, longest=4.0):
            now = clients.iam.get_role(name).trust
            if now == wanted or (now != before and _holds(action, now)):
                return action.after
            others = others + 1 if now != before else 0
            if others == LOOKS:  # a late answer is what was there before; this is another's
                raise moved(self.subject(action), action)
        raise TimedOut(
            f"IAM accepted the trust policy of role {name} but does not give it back yet",
            hint=Other(("role", "show"), (name,)),
            subject=name,
        )

    def lost(self, clients: Clients, cluster: str, action: Action) -> bool:
        return not _holds(action, clients.iam.get_role(action.keys["roleName"]).trust)

    def anew(self, clients: Clients, cluster: str, action: Action) -> Action:
        role = clients.iam.get_role(action.keys["roleName"])
        before, after, now = (trust.parse_policy(item) for item in (*_documents(action), role.trust))
        policy = trust.merged(before, after, now)
        if policy is None:
            raise moved(self.subject(action), action)
        state: RoleTrustState = {"roleName": role.name, "policyDocument": policy.to_document()}
        return self.action(self.state_of(role), state, note=action.note)

    def operations(self) -> Operations:
        from podid.aws.iam import Iam

        return {Verb.NONE: (Iam.find_role,), Verb.UPDATE: (Iam.get_role, Iam.update_trust)}


def document_of(state: State | None) -> Mapping[str, object]:
    """The trust policy of a role's state."""
    return cast("Mapping[str, object]", (state or {})["policyDocument"])


def _documents(action: Action) -> tuple[Mapping[str, object], Mapping[str, object]]:
    return document_of(action.before), document_of(action.after)


def _holds(action: Action, now: Mapping[str, object]) -> bool:
    try:
        before, after, there = (trust.parse_policy(item) for item in (*_documents(action), now))
    except InvalidInput:  # another's, and not readable: nobody can say what it holds
        return False
    return trust.holds(before, after, there)


ROLE_TRUST = RoleTrustKind()
