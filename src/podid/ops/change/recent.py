"""The associations that the last runs created: EKS may not list them yet, so they are described by their ids.

Nothing else of the journal counts. If EKS does not describe one of them either, nothing is known about it: EKS may be
late, or someone else may have deleted it.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from podid.calls.written import KNOWN_SECONDS, KnownChange
from podid.domain.aws import AssociationSummary
from podid.domain.plan import Header, Status, text
from podid.ops.change.journal import Journal, moment_of
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.change.records import Step


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
            yield _created(header, step, ident, (now - moment).total_seconds())


def _created(header: Header, step: Step, ident: str, age: float) -> KnownChange:
    partition = text(step.after, "roleArn").split(":")[1:2] or ["aws"]
    place = f"arn:{partition[0]}:eks:{header.region}:{header.account}"
    summary = AssociationSummary(
        cluster_name=header.cluster,
        namespace=step.action.keys["namespace"],
        service_account=step.action.keys["serviceAccount"],
        association_id=ident,
        association_arn=f"{place}:podidentityassociation/{header.cluster}/{ident}",
    )
    key = ("eks", header.account, header.region, "association", header.cluster, ident)
    return KnownChange(key, before=False, after=True, value=summary, age=age)
