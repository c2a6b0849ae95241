"""Refuse actions on resources that another tool owns, unless the caller takes them over."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from podid.calls import pacing
from podid.domain.errors import AccessDenied, Again, Conflict, PodidError, Unavailable, Undetermined
from podid.domain.owners import Owner
from podid.domain.plan import Action, Plan, Verb, text
from podid.ops.change.kinds import ASSOCIATION, ROLE, kind_of
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


def owner_notes(clients: Clients, plan: Plan, *, take_over: bool, custom: bool = False) -> tuple[str, ...]:
    """Return a note about each tool that owns a resource of the plan, and about its effect on the change. With
    `custom`, also read the custom resources of the cluster. Raise Conflict if there is one, unless `take_over`."""
    owned = read_owners(clients, plan, custom=custom)
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


def without_owned(clients: Clients, plan: Plan, *, custom: bool = False) -> Plan:
    """Return the plan without the actions on resources of other tools, which its notes name. Raise
    Undetermined if an owner could not be read."""
    owned = read_owners(clients, plan, custom=custom)
    if owned.unread:
        raise Undetermined("It is not known which resources other tools own", lines=owned.unread)
    kept = tuple(action for action in plan.actions if _subject(action) not in owned.owners)
    notes = tuple(f"unchanged: {line}" for line in owned.lines)
    return replace(plan, actions=kept).noting(notes)


def read_owners(clients: Clients, plan: Plan, *, custom: bool = False) -> OwnedResources:
    """Read the owners of the resources that the plan changes or deletes: of each once, many at the same time."""
    site = Site(clients, plan.header)
    created = {action.target for action in plan.actions if action.kind == ROLE.name and action.verb is Verb.CREATE}
    resources: dict[str, Action] = {}
    for action in plan.actions:
        if action.verb in (Verb.CREATE, Verb.UPDATE, Verb.DELETE) and action.keys.get("roleName") not in created:
            resources.setdefault(_subject(action), action)
    owners: dict[str, Owner] = {}
    unread: list[str] = []

    def read(subject: str) -> Owner | PodidError | None:
        action = resources[subject]
        try:
            return kind_of(action.kind).owner(site, action)
        except (AccessDenied, Unavailable) as error:
            return error

    for subject, owner in pacing.fan_out(read, resources, reads=True):
        if isinstance(owner, PodidError):
            why = f"requires {owner.permission}" if owner.permission else owner.message
            unread.append(f"whether another tool owns {subject} was not checked: {why}")
        elif owner is not None:
            owners[subject] = owner
    if custom:
        # a custom resource may own an association that exists, or a role
        unowned = {
            name: action
            for name, action in resources.items()
            if name not in owners
            and ("roleName" in action.keys or (action.kind == ASSOCIATION.name and action.before is not None))
        }
        try:
            owners |= _custom_owners(clients, plan, unowned) if unowned else {}
        except AccessDenied as error:
            unread.append(f"custom resources that own resources of the plan were not checked: {error.message}")
        except PodidError:
            pass  # the cluster is not read: the plan says so
    return OwnedResources({name: owners[name] for name in resources if name in owners}, tuple(unread))


def _custom_owners(clients: Clients, plan: Plan, resources: Mapping[str, Action]) -> dict[str, Owner]:
    by_id = clients.kube.reader.list_custom_owners()
    own = f"iam::{plan.header.account}:role/"
    by_role = {arn.rpartition("/")[2]: owner for arn, owner in by_id.items() if own in arn}
    owners = {}
    for name, action in resources.items():
        role = action.keys.get("roleName")
        owner = by_role.get(role) if role else by_id.get(text(action.before, "associationId"))
        if owner is not None:
            owners[name] = owner
    return owners


def _subject(action: Action) -> str:
    """Return the resource: a role for all of its parts."""
    name = action.keys.get("roleName")
    return f"role {name}" if name else kind_of(action.kind).subject(action)
