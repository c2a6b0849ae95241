"""CloudTrail's event history: 90 days of management events, a few minutes late, two calls a second per account.

The records of AssumeRole contain the session's token, so only named members are read and the rest is dropped.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

from podid.aws.api import ServiceGateway
from podid.aws.decode import from_json
from podid.domain.cloudtrail import PodSession, Redemption, SessionCall, WebIdentity
from podid.domain.foreign import (
    Malformed,
    Object,
    Reading,
    inner_or_empty,
    inners,
    inners_or_none,
    instant,
    number_or,
    record,
    text,
    text_or,
)
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef
from podid.domain.permissions import needs

T = TypeVar("T")

_PAGE = 50


class CloudTrail(ServiceGateway):
    @needs("cloudtrail:LookupEvents")
    def iter_redemptions(self, since: datetime, until: datetime | None = None) -> Iterator[Redemption]:
        """Yield the agents' requests to EKS Auth in this region, for all clusters, newest first. There is a call for
        every 50, when they are used."""
        return self._events("EventName", _REDEEMED, since, redemptions, until)

    @needs("cloudtrail:LookupEvents")
    def iter_sessions(self, resource: str, since: datetime) -> Iterator[PodSession]:
        """Yield the sessions that EKS created for pods in this region, newest first: those of a role by its ARN, or one
        by its ARN or name. There is a call for every 50 events of the resource, when they are used."""
        return self._events("ResourceName", resource, since, sessions)

    @needs("cloudtrail:LookupEvents")
    def iter_web_identities(self, since: datetime) -> Iterator[WebIdentity]:
        """Yield the exchanges of OIDC tokens for roles in this region, newest first, of all providers. There is a call
        for every 50, when they are used."""
        return self._events(
            "EventName", _EXCHANGED, since, lambda page: [_web_identity(e) for e in _records(page, _EXCHANGED)]
        )

    @needs("cloudtrail:LookupEvents")
    def iter_calls(self, session_name: str, since: datetime) -> Iterator[SessionCall]:
        """Yield the calls in this region with role credentials of this session name, newest first. EC2 names the
        sessions of an instance's role after the instance. There is a call for every 50, when they are used."""
        return self._events("Username", session_name, since, calls)

    def _events(
        self, key: str, value: str, since: datetime, read: Reading[list[T]], until: datetime | None = None
    ) -> Iterator[T]:
        params = {
            "LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}],
            "StartTime": since,
            **({"EndTime": until} if until is not None else {}),
            "MaxResults": _PAGE,
        }
        return self._api.items("LookupEvents", params, value, read)


_REDEEMED, _ASSUMED, _EXCHANGED = "AssumeRoleForPodIdentity", "AssumeRole", "AssumeRoleWithWebIdentity"
_OF_A_ROLE = "AssumedRole"


def redemptions(page: Object) -> list[Redemption]:
    """Return the AssumeRoleForPodIdentity events on a page of LookupEvents."""
    return [_redemption(event) for event in _records(page, _REDEEMED)]


def sessions(page: Object) -> list[PodSession]:
    """Return the AssumeRole events on a page of LookupEvents that EKS caused for pods."""
    return [
        session_of(event)
        for event in _records(page, _ASSUMED)
        if text_or(inner_or_empty(event, "userIdentity"), "invokedBy") == PODS_PRINCIPAL
    ]


def _subject(event: Object) -> ServiceAccountRef | None:
    """Return the service account of `system:serviceaccount:NAMESPACE:NAME`."""
    *prefix, namespace, name = ("", "", *text_or(inner_or_empty(event, "userIdentity"), "userName").split(":"))
    known = prefix[-2:] == ["system", "serviceaccount"] and namespace and name
    return ServiceAccountRef(namespace, name) if known else None


def calls(page: Object) -> list[SessionCall]:
    """Return the calls on a page of LookupEvents that used a role's credentials."""
    records = map(_record, inners(page, "Events"))
    return [_call(event) for event in records if text_or(inner_or_empty(event, "userIdentity"), "type") == _OF_A_ROLE]


def _records(page: Object, name: str) -> Iterator[Object]:
    for event in inners(page, "Events"):
        if text_or(event, "EventName") == name:
            yield _record(event)


def _record(event: Object) -> Object:
    record = from_json(text(event, "CloudTrailEvent"), "CloudTrailEvent")
    if not isinstance(record, dict):
        raise Malformed("CloudTrailEvent is not an object")
    return record


_redemption = record(
    Redemption,
    at="eventTime",
    cluster="requestParameters.clusterName?",
    caller_arn="userIdentity.arn?",
    role_arn="userIdentity.sessionContext.sessionIssuer.arn?",
    session_name=lambda event: text_or(inner_or_empty(event, "userIdentity"), "principalId").partition(":")[2],
)


def session_of(event: Object) -> PodSession:
    """Return the session that an AssumeRole event created for a pod."""
    request, response = inner_or_empty(event, "requestParameters"), inner_or_empty(event, "responseElements")
    tags = {text_or(tag, "key"): text_or(tag, "value") for tag in inners_or_none(request, "tags")}
    namespace, name = tags.get("kubernetes-namespace", ""), tags.get("kubernetes-service-account", "")
    return PodSession(
        at=instant(event, "eventTime"),
        role_arn=text_or(request, "roleArn"),
        session_name=text_or(request, "roleSessionName"),
        cluster_arn=tags.get("eks-cluster-arn", ""),
        ref=ServiceAccountRef(namespace, name) if namespace and name else None,
        pod=tags.get("kubernetes-pod-name", ""),
        pod_uid=tags.get("kubernetes-pod-uid", ""),
        packed_percent=number_or(response, "packedPolicySize") if "packedPolicySize" in response else None,
        error_code=text_or(event, "errorCode"),
        error_message=text_or(event, "errorMessage"),
    )


_web_identity = record(
    WebIdentity,
    at="eventTime",
    provider="userIdentity.identityProvider?",
    role_arn="requestParameters.roleArn?",
    ref=_subject,
)

_call = record(
    SessionCall,
    at="eventTime",
    service=lambda event: text_or(event, "eventSource").partition(".")[0],
    action="eventName?",
)
