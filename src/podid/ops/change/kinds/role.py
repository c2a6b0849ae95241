"""IAM roles, made and deleted as a whole; their trust and their policies are kinds of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict, cast

from podid.domain.errors import Conflict, NotFound
from podid.domain.members import ArnText, Pairs, PolicyObject
from podid.domain.model import Role
from podid.domain.patience import Patience
from podid.domain.plan import Action, State, Verb
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind, text
from podid.ops.clients import Clients


class RoleState(TypedDict, total=False):
    roleName: str
    roleArn: ArnText
    path: str
    description: str
    maxSessionDuration: int
    permissionsBoundary: str
    tags: Pairs
    trustPolicy: PolicyObject


class RoleKind(ResourceKind):
    name = "role"
    state = RoleState
    keys = ("roleName",)
    account_wide = True

    @staticmethod
    def state_of(role: Role) -> RoleState:
        return {
            "roleName": role.name,
            "roleArn": role.arn,
            "path": role.path,
            "description": role.description,
            "maxSessionDuration": role.max_session_seconds,
            "permissionsBoundary": role.permissions_boundary_arn,
            "tags": dict(role.tags),
            "trustPolicy": dict(role.trust),
        }

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        role = clients.iam.find_role(keys["roleName"])
        return None if role is None else self.state_of(role)

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        after = action.after
        if after is None:
            clients.iam.delete_role(action.keys["roleName"])
            return None
        if action.before is not None:
            raise Conflict(f"Role {action.target} cannot be changed as a whole", subject=action.target)
        role = clients.iam.create_role(
            action.keys["roleName"],
            cast("Mapping[str, object]", after["trustPolicy"]),
            path=text(after, "path") or "/",
            description=text(after, "description"),
            tags=cast("Mapping[str, str]", after.get("tags") or {}),
            max_session_seconds=cast("int", after.get("maxSessionDuration") or 3600),
            permissions_boundary=text(after, "permissionsBoundary") or None,
        )
        return self.state_of(role)

    def operations(self) -> Operations:
        from podid.aws.iam import Iam

        return {
            Verb.NONE: (Iam.find_role,),
            Verb.CREATE: (Iam.create_role,),
            Verb.DELETE: (Iam.delete_role, Iam.get_policies),
        }

    def why_kept(self, clients: Clients, keys: Keys, run_id: str, made: Iterable[Action]) -> Conflict | None:
        """IAM deletes no role that has policies: those that the run gave it go before it, others are in the way."""
        name = keys["roleName"]
        try:
            policies = clients.iam.get_policies(name)
        except NotFound:
            return None
        has = {*policies.inline, *(policy.arn for policy in policies.attached)}
        given = {action.keys.get("policyName") or action.keys.get("policyArn") for action in made}
        more = has - given
        if not more:
            return None
        return Conflict(
            f"Role {name} has got more policies since run {run_id} ({', '.join(sorted(more))}); "
            "IAM deletes no role that has any",
            advice="Undo the later runs first, or remove these policies by hand.",
            subject=name,
        )


ROLE = RoleKind()
