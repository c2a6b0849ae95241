"""IAM roles, made and deleted as a whole; their trust and their policies are kinds of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict, cast

from podid.domain.errors import Conflict
from podid.domain.members import ArnText, Pairs, PolicyObject
from podid.domain.model import Association, Role
from podid.domain.names import Arn
from podid.domain.patience import Patience
from podid.domain.plan import Action, State, Verb, document, text, texts
from podid.domain.words import short_list
from podid.ops.change.kinds.addon_associations import newly_associated
from podid.ops.change.kinds.base import Keys, Operations, ResourceKind
from podid.ops.clients import Clients
from podid.ops.role.uses import Uses, read_all_uses, used_words

if TYPE_CHECKING:
    from podid.domain.snapshot import Snapshot


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
    once_deleted = (
        "a role that is made again has another id: trust and resource policies that name this one by its ARN do not "
        "let in the new one",
    )

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
            document(after, "trustPolicy"),
            path=text(after, "path") or "/",
            description=text(after, "description"),
            tags=texts(after, "tags"),
            max_session_seconds=cast("int", after.get("maxSessionDuration") or 3600),
            permissions_boundary=text(after, "permissionsBoundary") or None,
        )
        return self.state_of(role)

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        from podid.ops.change.planned import arn_of, with_new_role, with_role, with_settings

        after, name = action.after, action.keys["roleName"]
        if after is None:
            return with_role(snapshot, name, lambda role: None)
        if not (arn := arn_of(snapshot, after)):
            return snapshot
        path = text(after, "path") or "/"
        made = Role(name=name, arn=arn, path=path, role_id="", trust=document(after, "trustPolicy"), created_at=now)
        return with_new_role(snapshot, with_settings(made, after))

    def operations(self) -> Operations:
        from podid.aws.iam import Iam

        return {
            Verb.NONE: (Iam.find_role,),
            Verb.CREATE: (Iam.create_role,),
            Verb.DELETE: (Iam.delete_role, Iam.get_policies),
        }

    def before_deleting(self, clients: Clients, keys: Keys, run_id: str, made: Iterable[Action]) -> tuple[str, ...]:
        """IAM deletes no role that has policies: those that the run gave it go before it, others are in the way. It
        would delete one that associations name, and their pods would lose their credentials."""
        role = clients.iam.find_role(keys["roleName"])
        if role is None:
            return ()
        made = tuple(made)
        _check_nothing_added(clients, role.name, run_id, made)
        gone = {
            (action.keys["namespace"], action.keys["serviceAccount"])
            for action in made
            if "serviceAccount" in action.keys and action.before is None
        }
        gone = gone.union(*map(newly_associated, made))
        uses = read_all_uses(clients.aws, Arn.parse(role.arn).account)
        check_unused(role, [use for use in uses.of(role.arn) if (use.namespace, use.service_account) not in gone])
        return deletion_notes(role, uses)


def _check_nothing_added(clients: Clients, name: str, run_id: str, made: Iterable[Action]) -> None:
    policies = clients.iam.get_policies(name)
    has = {*policies.inline, *(policy.arn for policy in policies.attached)}
    more = has - {action.keys.get("policyName") or action.keys.get("policyArn") for action in made}
    if more:
        raise Conflict(
            f"Role {name} has more policies since run {run_id} ({', '.join(sorted(more))}); "
            "IAM deletes no role that has any",
            advice="Undo the later runs first, or remove these policies by hand.",
            subject=name,
        )


def check_unused(role: Role, uses: Sequence[Association]) -> None:
    """Raises Conflict that lists the associations which name the role."""
    if uses:
        one = "an association names it" if len(uses) == 1 else f"{len(uses)} associations name it"
        raise Conflict(
            f"Role {role.name} is still used: {one} ({short_list([used_words(use) for use in uses], 10)})",
            advice="Give these another role, or take it away from them with podid disassociate, first.",
            subject=role.name,
        )


def deletion_notes(role: Role, uses: Uses) -> tuple[str, ...]:
    """What is known of the role's use, for the person who says yes to its deletion."""
    if role.last_used_at is None:
        last = f"role {role.name} was never used, as far as IAM remembers"
    else:
        where = f" in {role.last_used_region}" if role.last_used_region else ""
        last = f"role {role.name} was last used at {role.last_used_at:%Y-%m-%d %H:%M} UTC{where}"
    return (last, *(f"not looked at for uses of role {role.name}: {item}" for item in uses.unread))


ROLE = RoleKind()
