"""Remove the mark of a file from associations and roles, without any other change."""

from __future__ import annotations

from collections.abc import Sequence

from podid.domain.aws import Association, Role
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Place, Plan, State, texts
from podid.ops.association.read import check_associated, current_associations
from podid.ops.change.kinds import ASSOCIATION, ROLE_SETTINGS
from podid.ops.change.kinds.base import ResourceKind
from podid.ops.clients import Clients
from podid.ops.declare.clusters import FileSite
from podid.ops.declare.prune import marked_roles
from podid.ops.role.resolve import own_role


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
