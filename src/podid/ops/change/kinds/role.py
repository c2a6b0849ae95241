"""IAM roles as a whole, the settings of an existing role, and its policies; its trust policy is another kind."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, ClassVar, TypedDict, cast

from podid.calls.patience import Patience
from podid.domain import iam, trust
from podid.domain.aws import Role
from podid.domain.dependents import NO_DEPENDENTS, Dependents
from podid.domain.errors import AlreadyExists, Conflict, NotFound, Other
from podid.domain.iam import PolicyNames
from podid.domain.members import About, ArnText, Pairs, PolicyObject
from podid.domain.names import AWS_MANAGED
from podid.domain.owners import without_marks
from podid.domain.plan import Action, State, Verb, document, text, texts
from podid.domain.snapshot import Snapshot, attempt, known_or
from podid.ops.change.kinds.base import ANY_WRITE, Keys, OfRole, Operations, Trusting, make_all, retagging
from podid.ops.change.planned import (
    arn_of,
    with_boundary,
    with_new_role,
    with_policy,
    with_role,
    with_settings,
)
from podid.ops.change.users import USES, check_unused, last_use, users_of_role, uses_after
from podid.ops.clients import Site
from podid.ops.role.uses import read_profiles


class RoleState(TypedDict, total=False):
    roleName: str
    roleArn: ArnText
    roleId: Annotated[str, About("The role's unique id in IAM: a role that is created again has a new one.")]
    path: str
    description: str
    maxSessionDuration: int
    permissionsBoundary: str
    tags: Pairs
    trustPolicy: PolicyObject


_OPTIONAL = ("description", "maxSessionDuration", "permissionsBoundary")


class RoleKind(Trusting):
    name = "role"
    state = RoleState
    keys = ("roleName",)
    policy = "trustPolicy"
    operations: ClassVar[Operations] = {
        Verb.NONE: ("Iam.find_role",),
        Verb.CREATE: ("Iam.create_role",),
        Verb.DELETE: ("Iam.delete_role", "Iam.get_policies", "Iam.list_instance_profiles", *USES),
    }
    # a role that is created again is another principal: policies refer to the old id
    assigned = frozenset({"roleId"})
    overwrites = frozenset({Verb.DELETE})
    once_deleted = (
        "a role that is created again gets a new id: policies that name this role by its ARN do not apply to the new "
        "role",
    )

    @staticmethod
    def state_of(role: Role) -> RoleState:
        return {
            "roleName": role.name,
            "roleArn": role.arn,
            "roleId": role.role_id,
            "path": role.path,
            "description": role.description,
            "maxSessionDuration": role.max_session_seconds,
            "permissionsBoundary": role.permissions_boundary_arn,
            "tags": dict(role.tags),
            "trustPolicy": dict(role.trust),
        }

    def read(self, site: Site, keys: Keys) -> State | None:
        role = site.iam.find_role(keys["roleName"])
        return None if role is None else self.state_of(role)

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        after = action.after
        if after is None:
            site.iam.delete_role(action.keys["roleName"])
            return None
        if action.before is not None:
            raise Conflict(f"Role {action.target} cannot be changed as a whole", subject=action.target)
        settings = {
            "Path": text(after, "path") or "/",
            "Description": text(after, "description"),
            "MaxSessionDuration": after.get("maxSessionDuration") or 3600,
            "PermissionsBoundary": text(after, "permissionsBoundary"),
        }
        present = {key: value for key, value in settings.items() if value}
        tags = without_marks(texts(after, "tags"))
        name = action.keys["roleName"]
        try:
            role = site.iam.create_role(name, document(after, "trustPolicy"), present, tags)
        except AlreadyExists as error:
            roles = known_or(attempt(site.iam.list_role_names), ())
            if existing := [other for other in roles if other != name and other.lower() == name.lower()]:
                error.advise(f"IAM does not distinguish names of roles by case: the existing role is {existing[0]}.")
            raise
        # optional members of the answer: https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html
        requested = {key: settings[key[0].upper() + key[1:]] for key in _OPTIONAL}
        return cast("State", {**self.state_of(role), **requested, "tags": tags})

    def predict(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        after, name = action.after, action.keys["roleName"]
        if after is None:
            return with_role(snapshot, name, lambda role: None)
        if not (arn := arn_of(snapshot, after)):
            return snapshot
        path = text(after, "path") or "/"
        created = Role(name=name, arn=arn, path=path, role_id="", trust=document(after, "trustPolicy"), created_at=now)
        return with_new_role(snapshot, with_settings(created, after))

    def dependents(self, site: Site, action: Action, earlier: Sequence[Action]) -> Dependents:
        """Raise Conflict unless the `earlier` actions remove all policies, because IAM refuses to delete a role that
        has policies. Raise Conflict too if an association or an instance profile names the role: the pods or instances
        would lose their credentials."""
        role = site.iam.find_role(action.keys["roleName"]) if action.after is None else None
        if role is None:
            return NO_DEPENDENTS
        _check_policies(site, role.name, earlier)
        profiles, unread = read_profiles(site.iam, role.name)
        uses = uses_after(site.uses, site.header, earlier)
        check_unused(role, uses.of(role.arn), profiles)
        return Dependents(unread=(*uses.unread, *unread), notes=(last_use(role), *self.once_deleted))

    def check_same(self, current: State, created: State | None) -> None:
        had, has, name = text(created, "roleId"), text(current, "roleId"), text(current, "roleName")
        if had and had != has:
            message = f"Role {name} was deleted and created again: its id is {has} now and was {had} before"
            raise Conflict(message, hint=Other(("role", "show"), (name,)), subject=name)


def _check_policies(site: Site, name: str, earlier: Sequence[Action]) -> None:
    policies = site.iam.get_policies(name)
    has = {*policies.inline, *(policy.arn for policy in policies.attached)}
    gone = {
        action.keys.get("policyName") or action.keys.get("policyArn")
        for action in earlier
        if action.keys.get("roleName") == name and action.after is None
    }
    if more := has - gone:
        raise Conflict(
            f"Role {name} has policies that are not part of the plan ({', '.join(sorted(more))}); IAM does not "
            "delete a role with policies",
            advice="First remove these policies with podid role detach.",
            subject=name,
        )


class RoleSettingsState(TypedDict, total=False):
    roleName: str
    description: str
    maxSessionDuration: int
    permissionsBoundary: str
    tags: Pairs


_SETTINGS = RoleSettingsState.__annotations__


class RoleSettingsKind(OfRole):
    name = "role-settings"
    title = "settings of role"
    state = RoleSettingsState
    keys = ("roleName",)
    operations: ClassVar[Operations] = {
        Verb.NONE: ("Iam.find_role",),
        Verb.UPDATE: ("Iam.update_role", "Iam.tag_role", "Iam.put_boundary"),
    }
    overwrites = ANY_WRITE

    @staticmethod
    def state_of(role: Role) -> RoleSettingsState:
        members = RoleKind.state_of(role).items()
        return cast("RoleSettingsState", {key: value for key, value in members if key in _SETTINGS})

    def read(self, site: Site, keys: Keys) -> State | None:
        role = site.iam.find_role(keys["roleName"])
        return None if role is None else self.state_of(role)

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        name, before, after = action.keys["roleName"], action.before, action.after
        if before is None or after is None:
            raise Conflict(f"The settings of role {name} cannot be created or deleted, only changed", subject=name)

        def back() -> Iterator[Callable[[], object]]:
            return _calls(site, name, self.state_of(site.iam.get_role(name)), before)

        make_all(_calls(site, name, before, after), back, f"role {name}")
        return after

    def dependents(self, site: Site, action: Action, earlier: Sequence[Action]) -> Dependents:
        """Return the users of a role that gets a permissions boundary, or another one."""
        boundary = text(action.after, "permissionsBoundary")
        if not boundary or boundary == text(action.before, "permissionsBoundary"):
            return NO_DEPENDENTS
        return users_of_role(site, action.keys["roleName"], earlier)

    def predict(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        name, before, after = action.keys["roleName"], action.before or {}, action.after or {}
        snapshot = with_role(snapshot, name, lambda role: with_settings(role, after))
        boundary = text(after, "permissionsBoundary")
        return with_boundary(snapshot, name, boundary) if boundary != text(before, "permissionsBoundary") else snapshot


def _calls(site: Site, name: str, before: State, after: State) -> Iterator[Callable[[], object]]:
    """Yield the calls that change the settings of a role."""
    iam = site.iam
    untag, tag = partial(iam.untag_role, name), partial(iam.tag_role, name)
    yield from retagging(texts(before, "tags"), texts(after, "tags"), untag, tag)
    boundary = text(after, "permissionsBoundary")
    if boundary != text(before, "permissionsBoundary"):
        yield partial(iam.put_boundary, name, boundary) if boundary else partial(iam.delete_boundary, name)
    if any(before.get(key) != after.get(key) for key in ("description", "maxSessionDuration")):
        yield partial(iam.update_role, name, text(after, "description"), cast("int", after["maxSessionDuration"]))


ROLE = RoleKind()
ROLE_SETTINGS = RoleSettingsKind()


class PolicyKind(OfRole):
    """The first of the keys is the role, the second the policy."""

    def dependents(self, site: Site, action: Action, earlier: Sequence[Action]) -> Dependents:
        role, _ = action.keys.values()
        return users_of_role(site, role, earlier) if self.narrows(action) else NO_DEPENDENTS

    def narrows(self, action: Action) -> bool:
        """Return whether the role may do less after the change."""
        return action.after is None

    # IAM replaces an inline policy and repeats an attachment without an error
    overwrites = ANY_WRITE
    member: ClassVar[str]  # of PolicyNames

    def subject(self, action: Action) -> str:
        role, policy = action.keys.values()
        return f"{self.title} {self.short(policy)} of role {role}"

    def short(self, policy: str) -> str:
        return policy

    def predict(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        role, policy = action.keys.values()

        def names(policies: PolicyNames) -> PolicyNames:
            others = tuple(name for name in getattr(policies, self.member) if name != policy)
            return replace(policies, **{self.member: others if action.after is None else (*others, policy)})

        after, new = action.after or {}, action.before is None
        added = document(after, "policyDocument") if new and "policyDocument" in after else None
        # a plan does not read managed policies
        return with_policy(snapshot, role, names, added=added, managed=text(after, "policyArn"))


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
    contended = True
    operations: ClassVar[Operations] = {
        Verb.NONE: ("Iam.get_policies",),
        Verb.CREATE: ("Iam.put_inline_policy",),
        Verb.UPDATE: ("Iam.put_inline_policy",),
        Verb.DELETE: ("Iam.delete_inline_policy", *USES),
    }

    def narrows(self, action: Action) -> bool:
        before, after = action.before, action.after
        if before is None or after is None:
            return after is None
        return not iam.extends(document(before, "policyDocument"), document(after, "policyDocument"))

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

    def lost(self, site: Site, action: Action) -> Sequence[str]:
        now = site.iam.find_inline_policy(*action.keys.values())
        if now is None:
            raise NotFound(f"The {self.subject(action)} does not exist", subject=action.target)
        before, after = (document(state, "policyDocument") if state else {} for state in (action.before, action.after))
        return trust.overwritten(before, after, now)

    def late(self, site: Site, action: Action) -> bool:
        role, policy = action.keys.values()
        return (role.lower(), policy) in site.iam.late_policies


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
        Verb.DELETE: ("Iam.detach_policy", *USES),
    }

    @staticmethod
    def state_of(role_name: str, policy_arn: str) -> RoleAttachmentState:
        return {"roleName": role_name, "policyArn": policy_arn}

    def short(self, policy: str) -> str:
        """Return the name of an AWS managed policy, the ARN of any other."""
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


ROLE_POLICY = RolePolicyKind()
ROLE_ATTACHMENT = RoleAttachmentKind()
