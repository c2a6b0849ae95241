"""Refuse actions on resources that another tool owns, unless the caller takes them over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from podid.calls import pacing
from podid.domain.errors import AccessDenied, Again, Conflict
from podid.domain.owners import Owner
from podid.domain.plan import Action, Plan, Verb
from podid.ops.change.kinds import ROLE, kind_of
from podid.ops.clients import Clients, Site


@dataclass(frozen=True, slots=True)
class OwnedResources:
    """`owners` are the tools that own the resources of a plan, by resource; `unread` are sentences on those that could
    not be checked."""

    owners: Mapping[str, Owner]
    unread: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(f"{subject} {owner.sentence}" for subject, owner in self.owners.items())


def owner_notes(clients: Clients, plan: Plan, *, take_over: bool) -> tuple[str, ...]:
    """Return a note about each tool that owns a resource of the plan, and about what reverts the change. Raise Conflict
    if there is one, unless `take_over`."""
    owned = read_owners(clients, plan)
    if not owned.owners or take_over:
        return (*owned.lines, *owned.unread)
    first, *more = owned.lines
    raise Conflict(
        first[0].upper() + first[1:],
        hint=Again(add=("--take-over",)),
        lines=tuple(more),
        advice="Change it with that tool. With --take-over podid changes it as well, and the tool still owns it.",
        subject=next(iter(owned.owners)),
    )


def read_owners(clients: Clients, plan: Plan) -> OwnedResources:
    """Read the owners of the resources that the plan changes or deletes: of each once, many at the same time."""
    site = Site(clients, plan.header)
    created = {action.keys["roleName"] for action in plan.actions if _creates_role(action)}
    resources: dict[str, Action] = {}
    for action in plan.actions:
        if action.verb in (Verb.CREATE, Verb.UPDATE, Verb.DELETE) and action.keys.get("roleName") not in created:
            resources.setdefault(_subject(action), action)
    owners: dict[str, Owner] = {}
    unread: list[str] = []
    read = _reader(site)
    for subject, owner in pacing.fan_out(lambda name: read(resources[name]), resources, reads=True):
        if isinstance(owner, AccessDenied):
            unread.append(f"whether another tool owns {subject} was not checked: requires {owner.permission}")
        elif owner is not None:
            owners[subject] = owner
    return OwnedResources({name: owners[name] for name in resources if name in owners}, tuple(unread))


def _reader(site: Site) -> Callable[[Action], Owner | AccessDenied | None]:
    def read(action: Action) -> Owner | AccessDenied | None:
        try:
            return kind_of(action.kind).owner(site, action)
        except AccessDenied as error:
            return error

    return read


def _creates_role(action: Action) -> bool:
    return action.kind == ROLE.name and action.verb is Verb.CREATE


def _subject(action: Action) -> str:
    """Return the resource: a role for all of its parts."""
    name = action.keys.get("roleName")
    return f"role {name}" if name else kind_of(action.kind).subject(action)
