"""A role's policies: inline ones, and managed ones that are attached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from podid.calls.patience import Patience
from podid.domain.errors import NotFound
from podid.domain.members import ArnText, PolicyObject
from podid.domain.names import AWS_MANAGED
from podid.domain.plan import Action, State, Verb, document
from podid.ops.change.kinds.base import ANY_WRITE, Keys, Operations, ResourceKind
from podid.ops.clients import Site

if TYPE_CHECKING:
    from podid.domain.iam import PolicyNames
    from podid.domain.snapshot import Snapshot


class PolicyKind(ResourceKind):
    """The first of the keys is the role, the second the policy."""

    account_wide = True
    # IAM replaces an inline policy, and repeats an attachment, without a word: another's would be taken for ours
    overwrites = ANY_WRITE
    member: ClassVar[str]  # of PolicyNames

    def subject(self, action: Action) -> str:
        role, policy = action.keys.values()
        return f"{self.title} {self.short(policy)} of role {role}"

    def short(self, policy: str) -> str:
        return policy

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        from podid.ops.change.planned import with_policy

        role, policy = action.keys.values()

        def names(policies: PolicyNames) -> PolicyNames:
            others = tuple(name for name in getattr(policies, self.member) if name != policy)
            return replace(policies, **{self.member: others if action.after is None else (*others, policy)})

        return with_policy(snapshot, role, names, **self.grants(action))

    def grants(self, action: Action) -> dict[str, Any]:
        """What `with_policy` is told of a policy that is new."""
        raise NotImplementedError


class RolePolicyState(TypedDict, total=False):
    roleName: str
    policyName: str
    policyDocument: PolicyObject


class RolePolicyKind(PolicyKind):
    name = "role-policy"
    title = "inline policy"
    state = RolePolicyState
    keys = ("roleName", "policyName")
    member = "inline"
    operations: ClassVar[Operations] = {
        Verb.NONE: ("Iam.get_policies",),
        Verb.CREATE: ("Iam.put_inline_policy",),
        Verb.UPDATE: ("Iam.put_inline_policy",),
        Verb.DELETE: ("Iam.delete_inline_policy",),
    }

    @staticmethod
    def state_of(role_name: str, policy_name: str, document: Mapping[str, object]) -> RolePolicyState:
        return {"roleName": role_name, "policyName": policy_name, "policyDocument": document}

    def read(self, site: Site, keys: Keys) -> State | None:
        try:
            document = site.iam.get_policies(keys["roleName"]).inline.get(keys["policyName"])
        except NotFound:
            return None
        return None if document is None else self.state_of(keys["roleName"], keys["policyName"], document)

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        role, policy = action.keys.values()
        if action.after is None:
            site.iam.delete_inline_policy(role, policy)
        else:
            site.iam.put_inline_policy(role, policy, document(action.after, "policyDocument"))
        return action.after

    def grants(self, action: Action) -> dict[str, Any]:
        return {"added": document(action.after, "policyDocument")} if action.before is None else {}


class RoleAttachmentState(TypedDict, total=False):
    roleName: str
    policyArn: ArnText


class RoleAttachmentKind(PolicyKind):
    name = "role-attachment"
    title = "managed policy"
    state = RoleAttachmentState
    keys = ("roleName", "policyArn")
    member = "attached"
    operations: ClassVar[Operations] = {
        Verb.NONE: ("Iam.get_policies",),
        Verb.CREATE: ("Iam.attach_policy",),
        Verb.DELETE: ("Iam.detach_policy",),
    }

    @staticmethod
    def state_of(role_name: str, policy_arn: str) -> RoleAttachmentState:
        return {"roleName": role_name, "policyArn": policy_arn}

    def short(self, policy: str) -> str:
        """AWS's own policies by name, others by their ARN."""
        return policy.rpartition("/")[2] if AWS_MANAGED in policy else policy

    def read(self, site: Site, keys: Keys) -> State | None:
        try:
            attached = site.iam.get_policies(keys["roleName"]).attached
        except NotFound:
            return None
        return dict(keys) if any(policy.arn == keys["policyArn"] for policy in attached) else None

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        write = site.iam.detach_policy if action.after is None else site.iam.attach_policy
        write(*action.keys.values())
        return action.after

    def grants(self, action: Action) -> dict[str, Any]:
        """What a managed policy allows is not read for a plan; of AWS's own for nodes it is known."""
        return {} if action.after is None else {"managed": action.keys["policyArn"]}


ROLE_POLICY = RolePolicyKind()
ROLE_ATTACHMENT = RoleAttachmentKind()
