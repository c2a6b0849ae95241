"""What podid's own journal tells of changes that EKS and IAM do not date."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from podid.domain.aws import Cluster
from podid.domain.errors import PodidError
from podid.domain.evidence import NO_CHANGES, ROLE_SETTLES, RecentChanges
from podid.domain.plan import State
from podid.facts.restarts import LIFETIME
from podid.ops.change.kinds import ASSOCIATION, ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_TRUST

if TYPE_CHECKING:
    from podid.ops.change.journal import Journal

_ROLE_KINDS = (ROLE.name, ROLE_TRUST.name, ROLE_POLICY.name, ROLE_ATTACHMENT.name)
# what credentials carry of their association
_CARRIED = ("roleArn", "targetRoleArn", "policy", "disableSessionTags")


def recent_changes(journal: Journal | None, cluster: Cluster, now: datetime) -> RecentChanges:
    """Nothing where there is no journal, or it cannot be read: it is not what is looked for."""
    if journal is None:
        return NO_CHANGES
    try:
        steps = journal.steps_since(cluster.account, (*_ROLE_KINDS, ASSOCIATION.name), now - LIFETIME)
    except PodidError:
        return RecentChanges(cluster.account)
    roles: dict[str, datetime] = {}
    kept: dict[str, datetime] = {}
    for run, step, moment in sorted(steps, key=lambda found: (found[2], found[0].run_id, found[1].number)):
        action = step.action
        if action.kind != ASSOCIATION.name:
            if now - moment <= ROLE_SETTLES:
                roles[action.keys["roleName"]] = moment
        elif run.header.cluster == cluster.name:
            name = f"{action.keys['namespace']}/{action.keys['serviceAccount']}"
            kept.pop(name, None)
            if step.status is not None and _carries_the_same(action.before, step.after or action.after):
                kept[name] = moment
    return RecentChanges(cluster.account, roles, kept)


def _carries_the_same(before: State | None, after: State | None) -> bool:
    """What the state after it does not name was left as it was."""
    if before is None or after is None:
        return False
    return all((before.get(name) or None) == (after.get(name, before.get(name)) or None) for name in _CARRIED)
