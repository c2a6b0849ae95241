"""The changes of earlier runs that a reading of EKS or IAM may not show yet.

Only what cannot be confused with a change by someone else counts: a deleted id never comes back, and an association
that a list does not have is described by its id.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from podid.calls.written import KNOWN_SECONDS, Change
from podid.domain.plan import Action, Header, State, Status, text
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, ROLE


def recent_changes(journal: Journal, now: datetime) -> Iterator[Change]:
    """Yield the recorded changes of the last minutes, oldest first. Damaged files have none."""
    since = now - timedelta(seconds=KNOWN_SECONDS)
    runs, _ = journal.legible(since)
    steps = [
        (moment, run.header, step)
        for run in runs
        for step in run.steps
        if step.status is Status.DONE and step.at and (moment := datetime.fromisoformat(step.at)) >= since
    ]
    for moment, header, step in sorted(steps, key=lambda item: (item[0], item[2].number)):
        yield from _changes(header, step.action, step.after, (now - moment).total_seconds())


def _changes(header: Header, action: Action, answer: State | None, age: float) -> Iterator[Change]:
    gone, created = action.after is None, action.before is None
    if action.kind == ROLE.name and gone and (role_id := text(action.before, "roleId")):
        role = ("iam", header.account, "", "role", action.keys["roleName"].lower())
        yield Change(role, role_id, None, age=age)
    ident = text(action.before if gone else answer, "associationId")
    if action.kind == ASSOCIATION.name and ident and (gone or created):
        key = ("eks", header.account, header.region, "association", header.cluster, ident)
        shown = frozenset[str]() if gone else frozenset(("DescribePodIdentityAssociation",))
        yield Change(key, gone, not gone, age=age, shown=shown)
