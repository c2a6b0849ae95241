"""The plans of declared roles, in the order in which IAM accepts them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from podid.domain.declaration import DeclaredRole
from podid.domain.fileplan import FileConflict, NotRead
from podid.domain.plan import Action, Place, Plan
from podid.ops.change.kinds import ROLE, kind_of
from podid.ops.change.kinds.base import needed_role
from podid.ops.role.resolve import ResolvedRole


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePlanned:
    """The plan of one declared role. `role` is the role for the associations: as planned, or without its trust
    policy if that is not known. `idle` is whether there is nothing to plan, because no service account is to assume
    the role."""

    declared: DeclaredRole
    role: ResolvedRole
    actions: tuple[Action, ...] = ()
    conflict: FileConflict | None = None
    unread: NotRead | None = None
    notes: tuple[str, ...] = ()
    idle: bool = False


def in_order(planned: dict[str, RolePlanned]) -> dict[str, RolePlanned]:
    """Return the roles so that each new role precedes the roles whose trust policies name it. The order of the files
    stays if there is none such."""
    new = {
        name: key
        for key, item in planned.items()
        if any(action.kind == ROLE.name for action in item.actions)
        for name in needed_role(key)
    }

    def before(key: str) -> set[str]:
        names = {name for action in planned[key].actions for name in kind_of(action.kind).needs(action)}
        return {new[name] for name in names if name in new} - {key}

    graph = {key: before(key) for key in planned}
    if not any(graph.values()):
        return planned
    try:
        return {key: planned[key] for key in TopologicalSorter(graph).static_order()}
    except CycleError:
        return planned


def role_plan(place: Place, planned: Iterable[RolePlanned]) -> Plan:
    """Return the actions and notes of all declared roles."""
    items = tuple(planned)
    actions = tuple(action for item in items for action in item.actions)
    notes = tuple(dict.fromkeys(note for item in items for note in item.notes))
    return Plan(header=place.header, actions=actions, notes=notes, separate=True)
