"""A role's inline policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from podid.calls.patience import Patience
from podid.domain.errors import NotFound
from podid.domain.members import PolicyObject
from podid.domain.plan import Action, State, Verb, document
from podid.ops.change.kinds.base import ANY_WRITE, Keys, Operations, ResourceKind
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.domain.iam import PolicyNames
    from podid.domain.snapshot import Snapshot


class RolePolicyState(TypedDict, total=False):
    roleName: str
    policyName: str
    policyDocument: PolicyObject


class RolePolicyKind(ResourceKind):
    name = "role-policy"
    title = "inline policy"
    state = RolePolicyState
    keys = ("roleName", "policyName")
    account_wide = True
    overwrites = ANY_WRITE  # PutRolePolicy replaces what is there without a word

    @staticmethod
    def state_of(role_name: str, policy_name: str, document: Mapping[str, object]) -> RolePolicyState:
        return {"roleName": role_name, "policyName": policy_name, "policyDocument": document}

    def subject(self, action: Action) -> str:
        return f"{self.title} {action.keys['policyName']} of role {action.keys['roleName']}"

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        try:
            inline = clients.iam.get_policies(keys["roleName"]).inline
        except NotFound:
            return None
        document = inline.get(keys["policyName"])
        return None if document is None else self.state_of(keys["roleName"], keys["policyName"], document)

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        role, policy = action.keys["roleName"], action.keys["policyName"]
        if action.after is None:
            clients.iam.delete_inline_policy(role, policy)
        else:
            clients.iam.put_inline_policy(role, policy, document(action.after, "policyDocument"))
        return action.after

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        from podid.ops.change.planned import with_policy

        role, policy = action.keys["roleName"], action.keys["policyName"]

        def names(found: PolicyNames) -> PolicyNames:
            others = tuple(name for name in found.inline if name != policy)
            return replace(found, inline=others if action.after is None else (*others, policy))

        added = document(action.after, "policyDocument") if action.before is None else None
        return with_policy(snapshot, role, names, added=added)

    def operations(self) -> Operations:
        from podid.aws.iam import Iam

        return {
            Verb.NONE: (Iam.get_policies,),
            Verb.CREATE: (Iam.put_inline_policy,),
            Verb.UPDATE: (Iam.put_inline_policy,),
            Verb.DELETE: (Iam.delete_inline_policy,),
        }


ROLE_POLICY = RolePolicyKind()
