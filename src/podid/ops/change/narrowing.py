"""The one rule for changes that delete or narrow: they are safe only if nothing else needs the resource.

Each kind of resource reads its dependents. They are read when the plan is made, and again after consent, just before
the first write. A part that could not be read may have users: the plan is refused, except with --accept-unread.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from podid.calls import pacing
from podid.calls.patience import Clock
from podid.domain.dependents import ACCEPT, Dependents, lines_of, not_read
from podid.domain.errors import Again, Conflict, PodidError, Undetermined
from podid.domain.incomplete import NotRead
from podid.domain.plan import Action, Plan, Verb
from podid.domain.text import short_list
from podid.ops.change.kinds import ROLE, kind_of
from podid.ops.clients import Clients, Site

# age of a reading of all associations of the account, which takes a minute for 5,000
_SECONDS = 10.0


def with_dependents(plan: Plan, site: Site) -> Plan:
    """Return the plan with the dependents of what it removes, unless the planner has read them."""
    return plan if plan.dependents is not None else replace(plan, dependents=_dependents(plan, site))


def _dependents(plan: Plan, site: Site) -> Dependents:
    """Read the dependents. The parts of a role that the plan deletes need no reading of their own."""
    deleted = {a.target for a in plan.actions if (a.kind, a.verb) == (ROLE.name, Verb.DELETE)}
    return Dependents.joined(
        _of_action(site, action, plan.actions[:number])
        for number, action in enumerate(plan.actions)
        if action.kind == ROLE.name or action.keys.get("roleName") not in deleted
    )


def _of_action(site: Site, action: Action, earlier: Sequence[Action]) -> Dependents:
    kind = kind_of(action.kind)
    read = kind.dependents(site, action, earlier)
    return replace(read, subjects=(kind.subject(action),)) if read.users or read.gaps else read


def examined(plan: Plan, clients: Clients, *, accept: bool, known: Collection[str] = ()) -> Plan:
    """Return the plan with its dependents and the unread parts that the user accepts: with `accept` all of them,
    otherwise those with these `known` names. Raise Conflict if a user must not lose the resource, and Undetermined for
    other unread parts."""
    plan = with_dependents(plan, Site(clients, plan.header))
    if not accept and any(part.what not in known for part in plan.accepted):
        raise unread_of(plan)
    return noted(plan)


def noted(plan: Plan) -> Plan:
    """Return the plan with notes on its dependents, and on the unread parts that the user accepts."""
    about = plan.dependents.notes if plan.dependents is not None else ()
    accepted = (f"not read, and accepted by {ACCEPT}: {line}" for line in lines_of(plan.accepted))
    return replace(plan, notes=tuple(dict.fromkeys((*plan.notes, *about, *accepted))))


def unread_of(plan: Plan) -> Undetermined:
    """Return the error about the unread parts that may have users of what the plan removes."""
    return not_read(_words(plan.dependents), plan.accepted)


def users_not_read(plan: Plan) -> NotRead:
    """Return the unread users as a part of files: nothing is applied without them."""
    users = f"the users of {_words(plan.dependents)}"
    return NotRead(users, unread_of(plan), declared=False, decisive=True, reason="; ".join(lines_of(plan.accepted)))


def check_again(plan: Plan, clients: Clients) -> None:
    """Read again what made the plan safe. Raise Conflict if a resource to delete has changed, or if something uses a
    resource now, and Undetermined for a part that can no longer be read. Independent actions of a separate plan are
    checked one by one later."""
    site = Site(clients, plan.header)
    deleting = [action for action in plan.actions if action.verb is Verb.DELETE]

    def check(action: Action) -> None:
        kind_of(action.kind).check_unmoved(site, action)

    if not plan.separate:
        list(pacing.fan_out(check, deleting))
    _compare(plan, _dependents(plan, site))


def check_planned_again(plan: Plan, now: Plan) -> None:
    """Raise Conflict if an action of the plan is no longer planned from what is read now."""
    planned = [(action.kind, action.before, action.after) for action in now.actions]
    for action in plan.actions:
        if (action.kind, action.before, action.after) not in planned:
            subject = kind_of(action.kind).subject(action)
            message = f"Since the plan was made, something has changed that the change of {subject} depends on"
            raise Conflict(message, hint=Again(), advice="Nothing was changed.", subject=action.target)


def _compare(plan: Plan, now: Dependents) -> None:
    """Raise if there are other users or unread parts than in the plan."""
    known = plan.dependents or Dependents()
    if new := [user for user in now.users if user not in known.users]:
        raise Conflict(
            f"Since the plan was made, something else has begun to use {_words(now)}: {short_list(new, 10)}",
            hint=Again(),
            advice="Nothing was changed.",
        )
    accepted = {part.what for part in known.gaps}
    if unread := [part for part in now.gaps if part.what not in accepted]:
        raise not_read(_words(now), unread)


def _words(dependents: Dependents | None) -> str:
    """Return the resources that the plan removes."""
    return short_list(dependents.subjects if dependents is not None else (), 3)


class RoleDeletions:
    """The deletions of roles in one run of a plan."""

    def __init__(self, clients: Clients, plan: Plan, clock: Clock) -> None:
        self._plan = plan
        self._clock = clock
        self._site = Site(clients, plan.header)
        self._read_at = -math.inf
        self._by_role = {
            action.keys["roleName"]: (number, action)
            for number, action in enumerate(plan.actions)
            if (action.kind, action.verb) == (ROLE.name, Verb.DELETE)
        }

    def check(self, number: int, action: Action) -> PodidError | None:
        """Return the error if the deletion of a role begins with the action, such as that of its first policy, and the
        role has changed or is in use since `check_again`. Roles deleted soon after each other share a reading."""
        planned = self._by_role.pop(action.keys.get("roleName", ""), None)
        if planned is None or number == 0:  # nothing was written since `check_again`
            return None
        last, deletion = planned
        if (now := self._clock.monotonic()) - self._read_at > _SECONDS:
            self._site, self._read_at = replace(self._site), now
        try:
            ROLE.check_unmoved(self._site, deletion)
            _compare(self._plan, _of_action(self._site, deletion, self._plan.actions[:last]))
        except PodidError as error:
            return error
        return None
