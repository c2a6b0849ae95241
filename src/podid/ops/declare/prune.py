"""Plan the deletion of resources that a file owns and no longer declares, and the removal of its mark."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.declaration import Declaration
from podid.domain.errors import Conflict, CredentialsError, PodidError
from podid.domain.fileplan import NotRead
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef
from podid.domain.plan import Action, Place, Plan, State, Verb, text, texts
from podid.domain.text import short_list
from podid.ops.association.read import check_associated, current_associations
from podid.ops.change.kinds import ASSOCIATION, ROLE_SETTINGS
from podid.ops.change.kinds.base import ResourceKind
from podid.ops.change.kinds.role import uses_after
from podid.ops.clients import Clients
from podid.ops.declare.accounts import DeclaredAccounts
from podid.ops.declare.clusters import FileSite
from podid.ops.declare.ownership import Mark
from podid.ops.role.delete import RoleContents, plan_delete
from podid.ops.role.resolve import own_role
from podid.ops.role.uses import read_all_uses


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
    *,
    update_trust: bool,
) -> tuple[Plan, list[NotRead]]:
    """Plan the deletion of the roles with a file's mark that the file no longer declares, after the `plans` of all
    clusters, with `update_trust` also of their access to target roles. A role that is still in use then is kept, with a
    note. `declared` are names in lower case."""
    plan = Plan(header=site.place.header, actions=(), separate=True)
    marked, unread = marked_roles(site, declarations, declared)
    marked = [role for role in marked if Mark.of(role.tags, declarations[0], named={}, name=role.name).tool is None]
    if not marked:
        return plan, unread
    uses = read_all_uses(site.clients.aws, site.place.account)
    for item in plans:
        uses = uses_after(uses, item.header, item.actions)
    if uses.gaps:
        unread += [
            NotRead(target=gap.what, reason=gap.reason, permission=gap.permission, declared=False) for gap in uses.gaps
        ]
        names = short_list([role.name for role in marked])
        return plan.noting((f"not deleted, because other clusters may use them: roles {names}",)), unread
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
            plan = plan.then(
                plan_delete(contents, site.place.header, ours=True, adopt=False, update_trust=update_trust)
            )
        except Conflict as error:
            plan = plan.noting((f"role {role.name} is kept: {error.message}",))
        except PodidError as error:
            unread.append(NotRead.of(f"role {role.name}", error))
    return plan, unread


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
        return [], [NotRead.of("roles with the mark of the files", error)]
    # IAM lists roles without tags: read those of roles for pods only
    names = [role.name for role in roles if role.name.lower() not in declared and _for_pods(role)]
    marked: list[Role] = []
    unread: list[NotRead] = []
    for name, answer in iam.find_roles(names):
        if isinstance(answer, PodidError):
            unread.append(NotRead.of(f"role {name}", answer))
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
        assert item.error is not None
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
    tags = {name: value for name, value in texts(state, "tags").items() if name != key}
    return kind.action(state, {**state, "tags": tags})
