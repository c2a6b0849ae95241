"""CloudTrail's events as domain values. Of an AssumeRole it keeps the session's token: what is read here is what is
named here, and the rest is dropped.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

import json
from collections.abc import Iterator
from datetime import datetime

from podid.domain.cloudtrail import NodeCall, PodSession, Redemption
from podid.domain.foreign import (
    Malformed,
    Object,
    inner_or_empty,
    inners_or_none,
    instant_or_none,
    number_or,
    text,
    text_or,
)
from podid.domain.names import PODS_PRINCIPAL, ServiceAccountRef

_REDEEMED, _ASSUMED = "AssumeRoleForPodIdentity", "AssumeRole"
_OF_A_ROLE = "AssumedRole"


def redemptions(page: Object) -> list[Redemption]:
    """A page of LookupEvents: the AssumeRoleForPodIdentity in it."""
    return [_redemption(record) for record in _records(page, _REDEEMED)]


def sessions(page: Object) -> list[PodSession]:
    """A page of LookupEvents: the AssumeRole in it that EKS made for pods."""
    return [
        _session(record)
        for record in _records(page, _ASSUMED)
        if text_or(inner_or_empty(record, "userIdentity"), "invokedBy") == PODS_PRINCIPAL
    ]


def node_calls(page: Object) -> list[NodeCall]:
    """A page of LookupEvents: the calls in it that were made with a role's credentials."""
    records = map(_record, inners_or_none(page, "Events"))
    return [_node_call(each) for each in records if text_or(inner_or_empty(each, "userIdentity"), "type") == _OF_A_ROLE]


def _records(page: Object, name: str) -> Iterator[Object]:
    for event in inners_or_none(page, "Events"):
        if text_or(event, "EventName") == name:
            yield _record(event)


def _record(event: Object) -> Object:
    try:
        record = json.loads(text(event, "CloudTrailEvent"))
    except (ValueError, RecursionError):
        raise Malformed("CloudTrailEvent is not JSON") from None
    if not isinstance(record, dict):
        raise Malformed("CloudTrailEvent is not an object")
    return record


def _redemption(record: Object) -> Redemption:
    caller = inner_or_empty(record, "userIdentity")
    issuer = inner_or_empty(inner_or_empty(caller, "sessionContext"), "sessionIssuer")
    return Redemption(
        at=_at(record),
        cluster=text_or(inner_or_empty(record, "requestParameters"), "clusterName"),
        caller_arn=text_or(caller, "arn"),
        role_arn=text_or(issuer, "arn"),
        session_name=text_or(caller, "principalId").partition(":")[2],
        error_code=text_or(record, "errorCode"),
        error_message=text_or(record, "errorMessage"),
        user_agent=text_or(record, "userAgent"),
    )


def _session(record: Object) -> PodSession:
    asked, answered = inner_or_empty(record, "requestParameters"), inner_or_empty(record, "responseElements")
    tags = {text_or(tag, "key"): text_or(tag, "value") for tag in inners_or_none(asked, "tags")}
    namespace, name = tags.get("kubernetes-namespace", ""), tags.get("kubernetes-service-account", "")
    return PodSession(
        at=_at(record),
        role_arn=text_or(asked, "roleArn"),
        session_name=text_or(asked, "roleSessionName"),
        cluster_arn=tags.get("eks-cluster-arn", ""),
        ref=ServiceAccountRef(namespace, name) if namespace and name else None,
        pod=tags.get("kubernetes-pod-name", ""),
        packed_percent=number_or(answered, "packedPolicySize") if "packedPolicySize" in answered else None,
        error_code=text_or(record, "errorCode"),
        error_message=text_or(record, "errorMessage"),
    )


def _node_call(record: Object) -> NodeCall:
    return NodeCall(
        at=_at(record),
        service=text_or(record, "eventSource").partition(".")[0],
        action=text_or(record, "eventName"),
        user_agent=text_or(record, "userAgent"),
    )


def _at(record: Object) -> datetime:
    moment = instant_or_none(record, "eventTime")
    if moment is None:
        raise Malformed("eventTime is missing")
    return moment
