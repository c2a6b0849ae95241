"""CloudTrail's event history: 90 days of management events, a few minutes late, two calls a second for the account."""

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

from podid.aws import trail_values
from podid.aws.api import Api, Reading
from podid.domain.cloudtrail import NodeCall, PodSession, Redemption
from podid.domain.rights import needs

T = TypeVar("T")

_PAGE = 50


class CloudTrail:
    def __init__(self, api: Api) -> None:
        self._api = api

    @needs("cloudtrail:LookupEvents")
    def iter_redemptions(self, since: datetime) -> Iterator[Redemption]:
        """What agents asked EKS Auth for in this region, newest first, of every cluster; a call for every 50, made when
        they are wanted."""
        yield from self._events("EventName", "AssumeRoleForPodIdentity", since, trail_values.redemptions)

    @needs("cloudtrail:LookupEvents")
    def iter_sessions(self, role_arn: str, since: datetime) -> Iterator[PodSession]:
        """The sessions of a role that EKS made for pods in this region, newest first; a call for every 50 events of the
        role, made when they are wanted."""
        yield from self._events("ResourceName", role_arn, since, trail_values.sessions)

    @needs("cloudtrail:LookupEvents")
    def iter_node_calls(self, instance_id: str, since: datetime) -> Iterator[NodeCall]:
        """What was called in this region with the role of an instance, newest first: EC2 names these sessions after the
        instance. A call for every 50, made when they are wanted."""
        yield from self._events("Username", instance_id, since, trail_values.node_calls)

    def _events(self, key: str, value: str, since: datetime, read: Reading[list[T]]) -> Iterator[T]:
        params = {
            "LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}],
            "StartTime": since,
            "MaxResults": _PAGE,
        }
        return self._api.items("LookupEvents", params, value, read, position="NextToken")
