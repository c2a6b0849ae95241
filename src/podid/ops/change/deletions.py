"""Check what a plan deletes: before the first write, and each role once more just before its deletion."""

import math
from dataclasses import replace

from podid.calls import pacing
from podid.calls.patience import Clock
from podid.domain.errors import PodidError
from podid.domain.plan import Action, Plan, Verb
from podid.ops.change.kinds import ROLE, kind_of
from podid.ops.clients import Clients, Site

# age of a reading of all associations of the account, which takes a minute for 5,000
_SECONDS = 10.0


def check_deletions(clients: Clients, plan: Plan) -> None:
    """Raise Conflict, just before the first write, if a resource to delete has changed or is now in use. Independent
    actions of a separate plan are checked one by one later."""
    site = Site(clients, plan.header)
    deleting = [(number, action) for number, action in enumerate(plan.actions) if action.verb is Verb.DELETE]

    def check(action: Action) -> None:
        kind_of(action.kind).check_unmoved(site, action)

    if not plan.separate:
        list(pacing.fan_out(check, [action for _, action in deleting]))
    for number, action in deleting:
        kind_of(action.kind).before_deleting(site, action, plan.actions[:number])


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
        role has changed or is in use since `check_deletions`. Roles deleted soon after each other share a reading."""
        planned = self._by_role.pop(action.keys.get("roleName", ""), None)
        if planned is None or number == 0:  # nothing was written since `check_deletions`
            return None
        last, deletion = planned
        if (now := self._clock.monotonic()) - self._read_at > _SECONDS:
            self._site, self._read_at = replace(self._site), now
        try:
            ROLE.check_unmoved(self._site, deletion)
            ROLE.before_deleting(self._site, deletion, self._plan.actions[:last])
        except PodidError as error:
            return error
        return None
