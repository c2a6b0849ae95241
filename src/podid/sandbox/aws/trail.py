"""CloudTrail's event history of calls with pods' credentials.

The contents of the events follow public logs: https://github.com/aws-samples/amazon-eks-security-immersion-day
(content/2-identity-and-access-management)
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from podid.sandbox.aws.protocol import AwsError, timestamp
from podid.sandbox.aws.service import Call, Handler, Result
from podid.sandbox.credentials import Credential
from podid.sandbox.world import TrailEvent, World

_PAGE = 50
_DAYS = 90
_AGENT = "aws-sdk-go-v2/1.41.1 ua/2.1 os/linux lang/go#1.25 md/GOOS#linux md/GOARCH#amd64 api/eksauth#1.12.1"


def called(
    world: World, session: str, role_arn: str, source: str, name: str, user_agent: str, error: AwsError | None = None
) -> None:
    """Record a call with the role's credentials in a session of this name. On EC2 the session is named after the
    instance."""
    role = role_arn.rpartition("/")[2]
    account = role_arn.split(":")[4]
    issuer = {"type": "Role", "arn": role_arn, "accountId": account, "userName": role}
    identity = {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE:{session}",
        "arn": f"arn:{world.partition}:sts::{account}:assumed-role/{role}/{session}",
        "accountId": account,
        "sessionContext": {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}},
    }
    record = {"userIdentity": identity, "userAgent": user_agent, "requestParameters": None, "responseElements": None}
    _put(world, source, name, {**record, **_failure(error)}, resources=[], more={"Username": session})


def redeemed(world: World, caller: Credential, cluster_name: str, error: AwsError | None) -> None:
    """Record an AssumeRoleForPodIdentity and its result."""
    session_name = caller.user_id.partition(":")[2]
    identity: dict[str, Any] = {
        "type": "AssumedRole" if caller.role_arn else "IAMUser",
        "principalId": caller.user_id,
        "arn": caller.arn,
        "accountId": caller.account,
        "accessKeyId": caller.access_key_id,
    }
    if caller.role_arn:
        issuer = {
            "type": "Role",
            "principalId": caller.user_id.partition(":")[0],
            "arn": caller.role_arn,
            "accountId": caller.account,
            "userName": caller.role_arn.rpartition("/")[2],
        }
        identity["sessionContext"] = {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}}
    record = {
        "userIdentity": identity,
        "userAgent": _AGENT,
        "requestParameters": {"clusterName": cluster_name, "token": "HIDDEN_DUE_TO_SECURITY_REASONS"},
        "responseElements": None,
        **_failure(error),
    }
    who = session_name or caller.arn.rpartition("/")[2]
    _put(
        world,
        "eks-auth.amazonaws.com",
        "AssumeRoleForPodIdentity",
        record,
        resources=[("AWS::EKS::Cluster", cluster_name)],
        more={"Username": who, "AccessKeyId": caller.access_key_id},
    )


def assumed(world: World, session: Credential, tags: tuple[tuple[str, str], ...], seconds: int) -> None:
    """Record the AssumeRole of EKS for a pod."""
    name = session.user_id.partition(":")[2]
    parameters: dict[str, Any] = {"roleArn": session.role_arn, "roleSessionName": name, "durationSeconds": seconds}
    if tags:
        parameters["tags"] = [{"key": key, "value": value} for key, value in tags]
        parameters["transitiveTagKeys"] = [key for key, _ in tags]
    answered = {
        "credentials": {"accessKeyId": session.access_key_id, "sessionToken": session.session_token},
        "assumedRoleUser": {"assumedRoleId": session.user_id, "arn": session.arn},
        **({"packedPolicySize": _packed(tags)} if tags else {}),
    }
    record = {
        "userIdentity": {"type": "AWSService", "invokedBy": "pods.eks.amazonaws.com"},
        "userAgent": "pods.eks.amazonaws.com",
        "requestParameters": parameters,
        "responseElements": answered,
    }
    resources = [
        ("AWS::IAM::AccessKey", session.access_key_id),
        ("AWS::STS::AssumedRole", session.arn),
        ("AWS::STS::AssumedRole", session.user_id),
        ("AWS::STS::AssumedRole", name),
        ("AWS::IAM::Role", session.role_arn),
    ]
    _put(world, "sts.amazonaws.com", "AssumeRole", record, resources=resources, more={})


def exchanged(world: World, role_arn: str, provider: str, subject: str, session: str, user_agent: str) -> None:
    """Record the AssumeRoleWithWebIdentity of a pod. The form of the identity:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html"""
    identity = {
        "type": "WebIdentityUser",
        "principalId": f"{provider}:sts.amazonaws.com:{subject}",
        "userName": subject,
        "identityProvider": provider,
    }
    parameters = {"roleArn": role_arn, "roleSessionName": session}
    record = {
        "userIdentity": identity,
        "userAgent": user_agent,
        "requestParameters": parameters,
        "responseElements": None,
    }
    resources = [("AWS::IAM::Role", role_arn)]
    _put(world, "sts.amazonaws.com", "AssumeRoleWithWebIdentity", record, resources=resources, more={})


def _packed(tags: tuple[tuple[str, str], ...]) -> int:
    """Return an approximate size: public logs show 55 % for six tags of usual length."""
    return min(100, sum(len(key) + len(value) for key, value in tags) // 5)


def _failure(error: AwsError | None) -> dict[str, str]:
    if error is None:
        return {}
    return {"errorCode": error.code.removesuffix("Exception"), "errorMessage": error.message}


def _put(
    world: World,
    source: str,
    name: str,
    record: Mapping[str, Any],
    *,
    resources: list[tuple[str, str]],
    more: Mapping[str, str],
) -> None:
    at, event_id = world.clock.now(), str(uuid4())
    whole = {
        "eventVersion": "1.09",
        "eventTime": datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z"),
        "eventSource": source,
        "eventName": name,
        "awsRegion": world.region,
        **record,
        "eventID": event_id,
        "readOnly": True,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": world.account,
        "eventCategory": "Management",
    }
    event = {
        "EventId": event_id,
        "EventName": name,
        "ReadOnly": "true",
        "EventTime": timestamp(int(at)),
        "EventSource": source,
        "Resources": [{"ResourceType": kind, "ResourceName": value} for kind, value in resources],
        "CloudTrailEvent": json.dumps(whole, separators=(",", ":")),
        **more,
    }
    with world.lock:
        world.trail.append(TrailEvent(at, event))


# --- LookupEvents -----------------------------------------------------------------------------------------------------


def lookup_events(call: Call) -> Result:
    """Return events, newest first. https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html"""
    params, world = call.params, call.world
    if not world.trail_rate.take():
        raise AwsError("ThrottlingException", "Rate exceeded")
    attributes = params.get("LookupAttributes") or []
    if len(attributes) > 1:
        raise call.error("InvalidLookupAttributesException", "You can only use one lookup attribute.")
    start, end = params.get("StartTime"), params.get("EndTime")
    if start is not None and end is not None and start > end:
        raise call.error("InvalidTimeRangeException", "Start time must be before end time.")
    now = world.clock.now()
    newest = min(end if end is not None else now, now - world.delays.trail)
    oldest = max(start if start is not None else 0, now - _DAYS * 86400)
    with world.lock:
        events = [item.event for item in reversed(world.trail) if oldest <= item.at <= newest]
    matching = [event for event in events if all(_has(event, item) for item in attributes)]
    begin = _position(call, params.get("NextToken") or "")
    finish = begin + min(params.get("MaxResults") or _PAGE, _PAGE)
    token = base64.b64encode(str(finish).encode()).decode()
    return {"Events": matching[begin:finish], **({"NextToken": token} if finish < len(matching) else {})}


HANDLERS: Mapping[str, Handler] = {"LookupEvents": lookup_events}


def _has(event: Mapping[str, Any], attribute: Mapping[str, str]) -> bool:
    key, value = attribute["AttributeKey"], attribute["AttributeValue"]
    if key in ("ResourceName", "ResourceType"):
        return any(item[key] == value for item in event["Resources"])
    return bool(event.get(key) == value)


def _position(call: Call, token: str) -> int:
    try:
        return int(base64.b64decode(token or "MA==", validate=True))
    except ValueError as error:
        raise call.error("InvalidNextTokenException", "The NextToken is not valid.") from error
