"""The calls of a service account's pods in CloudTrail, by API action."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from podid.domain.aws import Association
from podid.domain.cloudtrail import PodSession, SessionCall, newest, of_association
from podid.domain.grouping import grouped
from podid.domain.members import FLAT, OR_NULL, About, kind, members
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.plan import Place
from podid.domain.text import count_of, cut, without_tokens
from podid.ops.clients import Clients
from podid.ops.session.issue import get_association

# credentials from EKS Auth are valid for at most 6 hours
_LIFETIME = timedelta(hours=6)
# LookupEvents returns 50 events a call, two calls a second
MOST_EVENTS, MOST_SESSIONS = 1_000, 100
_SESSIONS_PER_REPORT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledAction:
    """The calls of one API action."""

    action: Annotated[str, About("Event source and event name, as CloudTrail names them: `sqs:ReceiveMessage`.")]
    calls: int
    errors: Annotated[int, About("The failed calls, denied ones included.")]
    denied: Annotated[int, About("The calls that failed because of missing permissions.")]
    first: datetime
    last: datetime
    last_error: Annotated[str, OR_NULL, About("Error code and text of the last failed call.")] = ""


@kind("Activity", "`podid activity`.")
@members("cluster ref role_arn since until sessions calls errors denied actions limits")
@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The calls of a service account's pods. `limits` are the calls that CloudTrail's event history, or podid, does not
    show, in sentences."""

    cluster: str
    ref: Annotated[ServiceAccountRef, FLAT]
    role_arn: Annotated[str, About("The role of the pods' credentials.")]
    since: datetime
    until: datetime
    sessions: Annotated[int, About("The sessions whose calls were read.")]
    actions: tuple[CalledAction, ...]
    limits: Annotated[tuple[str, ...], About("The calls that were not counted.")]

    @property
    def calls(self) -> int:
        return sum(item.calls for item in self.actions)

    @property
    def errors(self) -> int:
        return sum(item.errors for item in self.actions)

    @property
    def denied(self) -> int:
        return sum(item.denied for item in self.actions)


# receives the number of finished sessions, their total and the last one
Progress = Callable[[int, int, str], None]


def read_activity(
    clients: Clients, place: Place, ref: ServiceAccountRef, since: datetime, now: datetime, progress: Progress
) -> Activity:
    """Return the calls since that time. Raise NotFound without an association."""
    association = get_association(clients, place, ref)
    trail, begin = clients.aws.cloudtrail, since - _LIFETIME
    created = newest(trail.iter_sessions(association.role_arn, begin), begin, MOST_EVENTS)
    fits = of_association(ref, place.the_cluster.arn, tagged=association.session_tags)
    by_name = {event.session_name: event for event in created.events if fits(event)}
    sessions = list(by_name.values())[:MOST_SESSIONS]
    calls: list[SessionCall] = []
    cut_short = [] if created.whole else [f"sessions of role {association.role_arn} beyond the newest {MOST_EVENTS:,}"]
    for number, session in enumerate(sessions, 1):
        if number % _SESSIONS_PER_REPORT == 0:
            progress(number, len(sessions), f"session {session.session_name}")
        read = newest(trail.iter_calls(session.session_name, since), since, MOST_EVENTS)
        calls += read.events
        if not read.whole:
            cut_short.append(f"calls of session {session.session_name} beyond the newest {MOST_EVENTS:,}")
    if older := len(by_name) - len(sessions):
        cut_short.append(f"calls of {count_of(older, 'older session')}")
    return Activity(
        cluster=place.cluster_name,
        ref=ref,
        role_arn=association.pods_role_arn,
        since=since,
        until=now,
        sessions=len(sessions),
        actions=by_action(calls),
        limits=(*cut_short, *_limits(association, sessions, place.region)),
    )


def by_action(calls: Iterable[SessionCall]) -> tuple[CalledAction, ...]:
    """Return the calls of each action, the denied ones first, then by count."""
    groups = grouped((f"{call.service}:{call.action}", call) for call in calls)
    actions = (_called(action, items) for action, items in groups.items())
    return tuple(sorted(actions, key=lambda item: (-item.denied, -item.calls, item.action)))


def _called(action: str, calls: Sequence[SessionCall]) -> CalledAction:
    failed = [call for call in calls if call.error_code]
    last = max(failed, key=lambda call: call.at, default=None)
    text = "" if last is None else ": ".join(filter(None, (last.error_code, last.error_message)))
    return CalledAction(
        action=action,
        calls=len(calls),
        errors=len(failed),
        denied=sum(call.denied for call in failed),
        first=min(call.at for call in calls),
        last=max(call.at for call in calls),
        last_error=cut(without_tokens(text), 500),
    )


def _limits(association: Association, sessions: Sequence[PodSession], region: str) -> tuple[str, ...]:
    own, pods = Arn.parse(association.role_arn), Arn.parse(association.pods_role_arn)
    # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events
    elsewhere = " (us-east-1 for IAM and other global services)" if own.partition == "aws" else ""
    limits = [
        "data events, such as reads of S3 objects and DynamoDB items",
        f"calls in regions other than {region}{elsewhere}",
        "some calls of the last 15 minutes",
    ]
    if pods.account != own.account:
        limits.insert(0, f"calls with target role {pods.resource_name}: they are in account {pods.account}")
    if sessions and not association.session_tags:
        others = "calls of others with the same role and a similar cluster name are counted"
        limits.append(f"a distinction by service account: without session tags, {others}")
    return tuple(limits)
