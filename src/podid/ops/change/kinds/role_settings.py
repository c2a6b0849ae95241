"""What of a role can be changed beside its trust and its policies: description, session length, boundary, tags."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict, cast

from podid.calls.patience import Patience
from podid.domain.aws import Role
from podid.domain.errors import Conflict, PodidError
from podid.domain.members import Pairs
from podid.domain.plan import Action, State, Verb, text, texts
from podid.ops.change.kinds.base import ANY_WRITE, Keys, Operations, ResourceKind, tag_changes
from podid.ops.clients import Clients

if TYPE_CHECKING:
    from podid.aws.iam import Iam
    from podid.domain.snapshot import Snapshot


class RoleSettingsState(TypedDict, total=False):
    roleName: str
    description: str
    maxSessionDuration: int
    permissionsBoundary: str
    tags: Pairs


class RoleSettingsKind(ResourceKind):
    name = "role-settings"
    title = "settings of role"
    state = RoleSettingsState
    keys = ("roleName",)
    account_wide = True
    overwrites = ANY_WRITE

    @staticmethod
    def state_of(role: Role) -> RoleSettingsState:
        return {
            "roleName": role.name,
            "description": role.description,
            "maxSessionDuration": role.max_session_seconds,
            "permissionsBoundary": role.permissions_boundary_arn,
            "tags": dict(role.tags),
        }

    def read(self, clients: Clients, cluster: str, keys: Keys) -> State | None:
        role = clients.iam.find_role(keys["roleName"])
        return None if role is None else self.state_of(role)

    def write(self, clients: Clients, cluster: str, action: Action, patience: Patience) -> State | None:
        name, before, after = action.keys["roleName"], action.before, action.after
        if before is None or after is None:
            raise Conflict(f"The settings of role {name} cannot be made or removed, only changed", subject=name)
        try:
            _change(clients.iam, name, before, after)
        except PodidError:
            with suppress(PodidError):  # all of it or nothing, as far as several calls can be that
                _change(clients.iam, name, self.state_of(clients.iam.get_role(name)), before)
            raise
        return after

    def foresee(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        from podid.ops.change.planned import with_boundary, with_role, with_settings

        name, before, after = action.keys["roleName"], action.before or {}, action.after or {}
        snapshot = with_role(snapshot, name, lambda role: with_settings(role, after))
        boundary = text(after, "permissionsBoundary")
        return with_boundary(snapshot, name, boundary) if boundary != text(before, "permissionsBoundary") else snapshot

    def operations(self) -> Operations:
        from podid.aws.iam import Iam

        return {
            Verb.NONE: (Iam.find_role,),
            Verb.UPDATE: (Iam.update_role, Iam.tag_role, Iam.put_boundary),
        }


def _change(iam: Iam, name: str, before: State, after: State) -> None:
    gone, put = tag_changes(texts(before, "tags"), texts(after, "tags"))
    if gone:
        iam.untag_role(name, gone)
    if put:
        iam.tag_role(name, put)
    boundary = text(after, "permissionsBoundary")
    if boundary != text(before, "permissionsBoundary"):
        if boundary:
            iam.put_boundary(name, boundary)
        else:
            iam.delete_boundary(name)
    if any(before.get(key) != after.get(key) for key in ("description", "maxSessionDuration")):
        iam.update_role(name, text(after, "description"), cast("int", after["maxSessionDuration"]))


ROLE_SETTINGS = RoleSettingsKind()
