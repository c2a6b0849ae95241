"""Managed policies that are attached to a role."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from podid.calls.patience import Patience
from podid.domain.errors import NotFound
from podid.domain.members import ArnText
from podid.domain.names import AWS_MANAGED
from podid.domain.plan import Action, State, Verb
from podid.ops.change.kinds.base import ANY_WRITE, Keys, Operations, ResourceKind
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.domain.iam import PolicyNames
    from podid.domain.snapshot import Snapshot


class RoleAttachmentState(TypedDict, total=False):
    roleName: str
    policyArn: ArnText


class RoleAttachmentKind(ResourceKind):
    name = "role-attachment"
    title = "managed policy"
    state = RoleAttachmentState
    keys = ("roleName", "policyArn")
    account_wide = True
    overwrites = ANY_WRITE  # AttachRolePolicy repeats without a word: another's attachment would be taken for ours

    @staticmethod
    def state_of(role_name: str, policy_arn: str) -> RoleAttachmentState:
        return {"roleName": role_name, "policyArn": policy_arn}

    def subject(self, action: Action) -> str:
        """AWS's own policies by name, others by their ARN."""
        arn = action.keys["policyArn"]
        policy = arn.rpartition("/")[2] if AWS_MANAGED in arn else arn
        return f"{self.title} {policy} of role {action.keys['roleName']}"

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        try:
            attached = clients.iam.get_policies(keys["roleName"]).attached
        except NotFound:
            return None
        return dict(keys) if any(policy.arn == keys["policyArn"] for policy in attached) else None

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        write = clients.iam.detach_policy if action.after is None else clients.iam.attach_policy
        write(action.keys["roleName"], action.keys["policyArn"])
        return action.after

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        """What a managed policy allows is not read for a plan; of AWS's own for nodes it is known."""
        from podid.ops.change.planned import with_policy

        role, policy = action.keys["roleName"], action.keys["policyArn"]

        def names(found: PolicyNames) -> PolicyNames:
            others = tuple(arn for arn in found.attached if arn != policy)
            return replace(found, attached=others if action.after is None else (*others, policy))

        return with_policy(snapshot, role, names, managed="" if action.after is None else policy)

    def operations(self) -> Operations:
        from podid.aws.iam import Iam

        return {
            Verb.NONE: (Iam.get_policies,),
            Verb.CREATE: (Iam.attach_policy,),
            Verb.DELETE: (Iam.detach_policy,),
        }


ROLE_ATTACHMENT = RoleAttachmentKind()
