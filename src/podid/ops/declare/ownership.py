"""The owner of an existing resource: this file, another file, or another tool; and the permitted changes. The deletion
of resources that a file owns and no longer declares, and the removal of its mark.

Some owners leave no tag: custom resources of ACK and Crossplane, whose controllers can set none, and stacks of
CloudFormation, which does not tag IAM roles.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.declaration import KEPT_KEY, OWNER_KEY, Declaration
from podid.domain.errors import AccessDenied, Again, Conflict, CredentialsError, PodidError, Rejected, Unavailable
from podid.domain.incomplete import NotRead
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef
from podid.domain.owners import ADDON, Owner, owner_of
from podid.domain.plan import Action, Place, Plan, State, Verb, text, texts
from podid.ops.association.read import check_associated, current_associations
from podid.ops.change.guard import custom_owners
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, ROLE, ROLE_SETTINGS
from podid.ops.change.kinds.base import ResourceKind, owner_of_role
from podid.ops.change.narrowing import noted, users_not_read, with_dependents
from podid.ops.change.users import uses_after
from podid.ops.clients import Clients, Site
from podid.ops.declare.accounts import DeclaredAccounts
from podid.ops.declare.clusters import FileSite
from podid.ops.declare.request import Ownership
from podid.ops.role.delete import RoleContents, plan_delete
from podid.ops.role.resolve import own_role
from podid.ops.role.uses import read_all_uses

Tags = Mapping[str, str]
# their controllers remove or revert the tags of others
_CONTROLLERS = (ADDON, "AWS Controllers for Kubernetes", "Crossplane")


@dataclass(frozen=True, slots=True)
class Mark:
    """The owner of a resource: `file` is the name in its mark, empty without one; `tool` is another tool. `ours` is
    whether the mark is the declaration's."""

    file: str = ""
    ours: bool = False
    tool: Owner | None = None

    @classmethod
    def of(
        cls, tags: Tags, declaration: Declaration, *, named: Tags, owner_arn: str | None = None, name: str = ""
    ) -> Mark:
        """Return the owner by tags and by the add-on's ARN. Tags that the file itself sets (`named`) are no
        evidence."""
        key = declaration.owner_key
        file = tags.get(key, "") or tags.get(OWNER_KEY, "")
        ours = tags.get(key) == declaration.name
        others = {key: value for key, value in tags.items() if named.get(key) != value}
        return cls(file, ours, owner_of(others, owner_arn=owner_arn, name=name))

    @property
    def words(self) -> str:
        """Return the owner for a sentence and for JSON; empty for none."""
        return self.file or (self.tool.words if self.tool is not None else "")

    @property
    def other_file(self) -> bool:
        return bool(self.file) and not self.ours

    @property
    def taggable(self) -> bool:
        """Return whether a tag of podid would stay."""
        return self.tool is None or self.tool.tool not in _CONTROLLERS


class TagHistory:
    """The tags that runs of a file have set, from the journal: only those are removed when they leave the file."""

    def __init__(self, journal: Journal | None, account: str, declaration: Declaration) -> None:
        self._journal, self._account, self._declaration = journal, account, declaration

    @cached_property
    def _keys(self) -> Mapping[tuple[str, ...], frozenset[str]]:
        keys: dict[tuple[str, ...], set[str]] = {}
        if self._journal is None:
            return {}
        kinds = (ASSOCIATION.name, ROLE.name, ROLE_SETTINGS.name)
        for run, step in reversed(self._journal.newest_steps(self._account, kinds)):
            action = step.action
            of_cluster = (run.header.region, run.header.cluster) if action.kind == ASSOCIATION.name else ()
            own = keys.setdefault((*of_cluster, action.target), set())
            before, after = (texts(state, "tags") for state in (action.before, step.after or action.after))
            own -= {key for key in before if key not in after}
            if after.get(self._declaration.owner_key) == self._declaration.name:
                own |= {key for key, value in after.items() if before.get(key) != value}
        return {target: frozenset(names) for target, names in keys.items()}

    def removed(self, target: tuple[str, ...], tags: Tags, named: Tags) -> tuple[str, ...]:
        """Return the keys of `tags` that this file has set and no longer names. `target` is the name of the resource,
        after region and cluster if it belongs to one."""
        more = [key for key in tags if key not in named and key not in (self._declaration.owner_key, KEPT_KEY)]
        return tuple(key for key in more if key in self._keys.get(target, frozenset())) if more else ()


@dataclass(frozen=True, slots=True)
class Treatment:
    """`change` is whether the resource becomes as declared, `mark` whether it gets the file's mark, `taken` whether
    it belonged to another owner, or to none, before. `conflict` is the reason against a change. `note` is for the
    reader."""

    change: bool = False
    mark: bool = False
    taken: bool = False
    conflict: Conflict | None = None
    note: str = ""


def decide(subject: str, mark: Mark, ownership: Ownership, lines: tuple[str, ...]) -> Treatment:
    """Return the treatment of `subject`, which exists and differs from its declaration by `lines`; empty if it is
    equal."""
    if mark.ours and (mark.tool is None or not lines):
        return Treatment(change=bool(lines), mark=True)
    if mark.other_file:
        if not lines:
            return Treatment(note=f"{subject} belongs to {mark.file} and is as declared here")
        message = f"The {subject} belongs to {mark.file} and differs from the file"
        advice = "Change it in that file."
        return Treatment(conflict=Conflict(message, advice=advice, lines=lines, subject=mark.file))
    if mark.tool is not None:
        return _of_tool(subject, mark, ownership, lines)
    if not lines or ownership.adopt:
        return Treatment(change=bool(lines), mark=ownership.adopt, taken=True)
    message = f"The {subject} exists with other settings, and no file owns it"
    hint = Again(add=("--adopt",))
    return Treatment(conflict=Conflict(message, hint=hint, advice="--adopt changes and marks it.", lines=lines))


def _of_tool(subject: str, mark: Mark, ownership: Ownership, lines: tuple[str, ...]) -> Treatment:
    tool = mark.tool
    assert tool is not None
    if not lines:
        note = f"{subject} is as declared and belongs to {tool.description}"
        return Treatment(mark=ownership.take_over and mark.taggable, taken=True, note=note)
    if ownership.take_over:
        note = f"{subject} belongs to {tool.description}"
        return Treatment(change=True, mark=mark.taggable, taken=True, note=note)
    message = f"The {subject} differs from the file and belongs to {tool.words} ({tool.evidence})"
    advice = f"--take-over changes it nevertheless; {tool.reverts}."
    return Treatment(conflict=Conflict(message, hint=Again(add=("--take-over",)), advice=advice, lines=lines))


class UnmarkedOwners:
    """The custom resources of one cluster, and the stacks of roles. They are read for a resource that exists and has no
    mark of an owner."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        # the reason why they could not be read
        self.unread = ""

    @cached_property
    def _by_id(self) -> Mapping[str, Owner]:
        owners, self.unread = custom_owners(self._clients)
        return owners

    def of(self, mark: Mark, resource: Association | Role, *, written: bool) -> Mark:
        """Return the mark with the custom resource that owns the resource. The stack of a role costs a call for each
        role: it is read only for a role that would be `written`."""
        if mark.tool is not None or mark.other_file or (mark.ours and not written):
            return mark
        key = resource.arn if isinstance(resource, Role) else resource.association_id
        owner = self._by_id.get(key)
        if owner is None and written and isinstance(resource, Role) and not mark.ours:
            owner = self._of_stack(resource)
        return mark if owner is None else replace(mark, tool=owner)

    def _of_stack(self, role: Role) -> Owner | None:
        try:
            return owner_of_role(self._clients, role)
        except (AccessDenied, Unavailable, Rejected) as error:
            why = f"requires {error.permission}" if error.permission else error.message
            self.unread = self.unread or f"whether a stack has role {role.name} was not checked: {why}"
        return None

    def named(self, association: Association) -> Owner | None:
        """Return the custom resource that owns an association, if custom resources were read."""
        return self._by_id.get(association.association_id) if "_by_id" in vars(self) else None


# --- resources that left the file, and the removal of its mark --------------------------------------------------------


def outdated(
    declarations: Sequence[Declaration], accounts: DeclaredAccounts, live: Mapping[ServiceAccountRef, Association]
) -> dict[ServiceAccountRef, Association]:
    """Return the associations with the mark of one of these files that the file no longer declares. Associations that
    another tool marks too are excluded, and so are those of a file whose patterns could not be expanded."""
    gone = {}
    for ref, association in live.items():
        if ref in accounts.by_ref:
            continue
        for declaration in declarations:
            mark = Mark.of(association.tags, declaration, named={}, owner_arn=association.owner_arn)
            if mark.ours and mark.tool is None and declaration.name not in accounts.open:
                gone[ref] = association
    return gone


def prune_roles(
    site: FileSite,
    declarations: Sequence[Declaration],
    declared: Collection[str],
    plans: Sequence[Plan],
    ownership: Ownership,
) -> tuple[Plan, list[NotRead]]:
    """Plan the deletion of the roles with a file's mark that the file no longer declares, after the `plans` of all
    clusters, with --update-trust also of their access to target roles. A role that is still in use then is kept, with a
    note. `declared` are names in lower case."""
    plan = Plan(header=site.place.header, actions=(), separate=True)
    marked, unread = marked_roles(site, declarations, declared)
    marked = [role for role in marked if Mark.of(role.tags, declarations[0], named={}, name=role.name).tool is None]
    if not marked:
        return plan, unread
    uses = read_all_uses(site.clients.aws, site.place.account)
    for item in plans:
        uses = uses_after(uses, item.header, item.actions)
    new = {
        arn: action.target
        for action in (action for item in plans for action in item.actions)
        if action.kind == ASSOCIATION.name and action.verb is Verb.CREATE
        for arn in (text(action.after, "roleArn"), text(action.after, "targetRoleArn"))
    }
    for role in marked:
        if role.arn in new:
            plan = plan.noting((f"role {role.name} is kept: the new association of {new[role.arn]} uses it",))
            continue
        try:
            contents = RoleContents.read(site.clients, role, uses)
            deletion = plan_delete(
                contents, site.place.header, ours=True, adopt=False, update_trust=ownership.update_trust
            )
            plan = plan.then(deletion)
        except Conflict as error:
            plan = plan.noting((f"role {role.name} is kept: {error.message}",))
        except PodidError as error:
            unread.append(NotRead(f"role {role.name}", error))
    plan = with_dependents(plan, Site(site.clients, plan.header).with_uses(uses))
    if plan.accepted and not ownership.accept_unread:
        return plan, [*unread, users_not_read(plan)]
    return noted(plan), unread


def marked_roles(
    site: FileSite, declarations: Sequence[Declaration], declared: Collection[str] = ()
) -> tuple[list[Role], list[NotRead]]:
    """Return the roles for pods with the mark of one of the files, sorted, without those that are `declared`; and the
    roles that could not be read."""
    iam = site.clients.iam
    try:
        roles = iam.list_roles()
    except CredentialsError:
        raise
    except PodidError as error:
        return [], [NotRead("roles with the mark of the files", error)]
    # IAM lists roles without tags: read those of roles for pods only
    names = [role.name for role in roles if role.name.lower() not in declared and _for_pods(role)]
    marked: list[Role] = []
    unread: list[NotRead] = []
    for name, answer in iam.find_roles(names):
        if isinstance(answer, PodidError):
            unread.append(NotRead(f"role {name}", answer))
        elif answer is not None and any(answer.tags.get(item.owner_key) == item.name for item in declarations):
            marked.append(answer)
    return sorted(marked, key=lambda role: role.name), unread


def _for_pods(role: Role) -> bool:
    try:
        policy = trust.parse_policy(role.trust)
    except trust.TrustPolicyError:
        return False
    return any(("Service", PODS_PRINCIPAL) in statement.principals for statement in policy.statements)


def keys_of(plan: Plan) -> frozenset[tuple[str, str]]:
    """Return kind and target of each action."""
    return frozenset((action.kind, action.target) for action in plan.actions)


def plan_forget(
    clients: Clients, place: Place, refs: Sequence[ServiceAccountRef], roles: Sequence[str], key: str
) -> Plan:
    """Plan to remove the tag `key` from the associations of these service accounts and from roles. Raise NotFound with
    the nearest names for missing ones."""
    current = current_associations(clients, place, refs) if refs else {}
    check_associated(clients, place, current)
    associations = [item for item in current.values() if item is not None]
    named = [own_role(clients, name) for name in roles]
    return _plan(place, [(item, key) for item in associations], [(role, key) for role in named])


def plan_forget_file(site: FileSite, *, roles: bool) -> Plan:
    """Plan to remove the marks of the site's declarations from its associations, and from `roles`. Raise the error of
    parts that could not be read."""
    keys = {(item.owner_key, item.name) for item in site.declarations}
    live = site.clients.eks.list_associations(site.place.cluster_name)
    associations = [(item, key) for item in live for key, name in sorted(keys) if item.tags.get(key) == name]
    marked, unread = marked_roles(site, site.declarations) if roles else ([], [])
    for item in unread:
        raise item.error
    return _plan(
        site.place, associations, [(role, key) for role in marked for key, name in keys if role.tags.get(key) == name]
    )


def _plan(place: Place, associations: Sequence[tuple[Association, str]], roles: Sequence[tuple[Role, str]]) -> Plan:
    actions = [
        *(_without(ASSOCIATION, ASSOCIATION.state_of(item), key) for item, key in associations),
        *(_without(ROLE_SETTINGS, ROLE_SETTINGS.state_of(role), key) for role, key in roles),
    ]
    return Plan(
        header=place.header,
        actions=tuple(action for action in actions if action.before != action.after),
        unchanged=tuple(action for action in actions if action.before == action.after),
        separate=True,
    )


def _without(kind: ResourceKind, state: State, key: str) -> Action:
    tags = {name: value for name, value in texts(state, "tags").items() if name not in (key, KEPT_KEY)}
    return kind.action(state, {**state, "tags": tags})
