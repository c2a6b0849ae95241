"""The trust policy of a role that exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, TypedDict

from podid.calls.patience import Patience
from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import Conflict, InvalidInput, NotFound, Other, TimedOut
from podid.domain.members import PolicyObject
from podid.domain.plan import Action, State, Verb, document, matches
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind, moved, read_back
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.aws.iam import Iam
    from podid.domain.snapshot import Snapshot

READ_BACK_SECONDS = 7.5
LOOKS = 3


class RoleTrustState(TypedDict, total=False):
    roleName: str
    policyDocument: PolicyObject


class RoleTrustKind(ResourceKind):
    name = "role-trust"
    title = "trust policy of role"
    state: ClassVar[type] = RoleTrustState
    keys = ("roleName",)
    account_wide = True
    contended = True

    @staticmethod
    def state_of(role: Role) -> RoleTrustState:
        return {"roleName": role.name, "policyDocument": dict(role.trust)}

    def find_role(self, clients: Clients, keys: Keys) -> Role | None:
        """The role whose trust it is; None where it does not exist. Reads with the credentials that reach it."""
        return self.iam(clients, keys).find_role(keys["roleName"])

    def iam(self, clients: Clients, keys: Keys) -> Iam:
        """IAM of the role's account."""
        return clients.iam

    def state_at(self, role: Role, keys: Keys) -> State:
        """The state of the role that `keys` name."""
        return self.state_of(role)

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        role = self.find_role(clients, keys)
        return None if role is None else self.state_at(role, keys)

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        """IAM has no compare-and-swap: read just before writing and read back after."""
        keys = self.reading(action)
        if action.after is None:
            raise Conflict(f"The {self.subject(action)} cannot be removed, only changed", subject=action.target)
        role = self._role(clients, keys)
        if not matches(self.held(action.before), self.state_at(role, keys)):
            raise moved(self.subject(action), action)
        before, wanted = (document_of(state) for state in (action.before, action.after))
        self.iam(clients, keys).update_trust(role.name, wanted)
        others = 0
        for _ in patience.within(READ_BACK_SECONDS).rounds(0.5, longest=4.0):
            now = read_back(lambda: self._role(clients, keys), self.subject(action)).trust
            if now == wanted or (now != before and _holds(action, now)):
                return action.after
            others = others + 1 if now != before else 0
            if others == LOOKS:  # a late answer is what was there before; this is another's
                raise moved(self.subject(action), action)
        raise TimedOut(
            f"IAM accepted the trust policy of role {role.name} but does not give it back yet",
            hint=Other(("role", "show"), (role.name,)),
            subject=role.name,
        )

    def _role(self, clients: Clients, keys: Keys) -> Role:
        role = self.find_role(clients, keys)
        if role is None:
            name = next(iter(keys.values()))
            raise NotFound(f"Role {name} does not exist", subject=name)
        return role

    def lost(self, clients: Clients, cluster: str, action: Action) -> bool:
        return not _holds(action, self._role(clients, self.reading(action)).trust)

    def anew(self, clients: Clients, cluster: str, action: Action) -> Action:
        keys = self.reading(action)
        role = self._role(clients, keys)
        before, after, now = (trust.parse_policy(item) for item in (*_documents(action), role.trust))
        policy = trust.merged(before, after, now)
        if policy is None:
            raise moved(self.subject(action), action)
        before_now = self.state_at(role, keys)
        return self.action(before_now, {**before_now, "policyDocument": policy.to_document()}, note=action.note)

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        from podid.ops.change.planned import with_role

        after = document_of(action.after)
        return with_role(snapshot, action.keys["roleName"], lambda role: replace(role, trust=after))

    def operations(self) -> Operations:
        from podid.aws.iam import Iam

        return {Verb.NONE: (Iam.find_role,), Verb.UPDATE: (Iam.update_trust,)}


def document_of(state: State | None) -> Mapping[str, object]:
    """The trust policy of a role's state."""
    return document(state, "policyDocument")


def _documents(action: Action) -> tuple[Mapping[str, object], Mapping[str, object]]:
    return document_of(action.before), document_of(action.after)


def _holds(action: Action, now: Mapping[str, object]) -> bool:
    try:
        before, after, there = (trust.parse_policy(item) for item in (*_documents(action), now))
    except InvalidInput:  # another's, and not readable: nobody can say what it holds
        return False
    return trust.holds(before, after, there)


ROLE_TRUST = RoleTrustKind()
