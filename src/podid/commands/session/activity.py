"""podid activity."""

from datetime import timedelta

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.names import ServiceAccountRef
from podid.domain.option import option, seconds
from podid.ops.options import SERVICE_ACCOUNT


@command(
    shared=(*CLUSTER, *KUBERNETES),
    needs="Eks.find_association Eks.list_association_summaries CloudTrail.iter_sessions CloudTrail.iter_calls",
    optional=("NAMING",),
)
def activity(
    access: Access,
    ref: ServiceAccountRef = SERVICE_ACCOUNT,
    since: str = option("TIME", "Age of the oldest call, such as 30m, 24h or 7d.", default="1h"),
) -> None:
    """Count the calls of a service account's pods, by action.

    The source is CloudTrail's event history: management events of the last 90 days, in the region of the cluster. The
    event history has no data events, such as reads of S3 objects. Events appear after up to 15 minutes. Therefore, a
    missing call does not show that an action is unused. podid lists the limits below the result.

    CloudTrail accepts two requests per second, and each session requires one or more requests. podid therefore reads at
    most 100 sessions.

    Example: podid activity shop/orders

    Example: podid activity shop/orders --since 24h

    Example: podid activity shop/orders -o json --query 'actions[?denied > `0`].[action, lastError]'
    """
    from podid.domain.cloudtrail import DAYS
    from podid.ops.session.activity import read_activity
    from podid.render.sessions import activity_notes, activity_view

    now, span = access.runtime.now(), timedelta(seconds=seconds(since, "--since"))
    window = min(span, timedelta(days=DAYS))
    place = access.place()
    with access.terminal.working(f"reading CloudTrail for {ref}") as progress:
        read = read_activity(access.clients, place, ref, now - window, now, progress.count)
    access.terminal.emit(activity_view(read))
    if span > window:
        access.terminal.note(f"CloudTrail keeps events for {DAYS} days: earlier calls are not included")
    access.terminal.note(*activity_notes(read))
