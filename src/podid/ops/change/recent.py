"""The associations that the last runs created: EKS may not list them yet, so they are described by their ids.

Nothing else of the journal counts: someone else may have changed it since. One that EKS does not describe is deleted.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from podid.calls.written import KNOWN_SECONDS, KnownChange
from podid.domain.plan import Status, text
from podid.ops.change.journal import Journal, moment_of
from podid.ops.change.kinds import ASSOCIATION


def recent_changes(journal: Journal, now: datetime) -> Iterator[KnownChange]:
    """Yield the creations of the last minutes that no run has undone or begun to undo. Damaged files have none."""
    since = now - timedelta(seconds=KNOWN_SECONDS)
    runs, _ = journal.legible(since)
    steps = [(run.header, step) for run in runs for step in run.steps if step.action.kind == ASSOCIATION.name]
    deleted = {text(step.action.before, "associationId") for _, step in steps if step.action.after is None}
    for header, step in steps:
        ident, moment = text(step.after, "associationId"), moment_of(step.at)
        created = step.status is Status.DONE and step.action.before is None and ident and ident not in deleted
        if created and moment is not None and moment >= since:
            key = ("eks", header.account, header.region, "association", header.cluster, ident)
            yield KnownChange(key, before=False, after=True, age=(now - moment).total_seconds())
