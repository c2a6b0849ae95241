"""The actions in CloudTrail events of a role, by their names in IAM.

Most events have the name of the action. The exceptions here are from the Service Authorization Reference of Amazon S3
and AWS Lambda. An event that requires several actions, such as CopyObject, is not mapped.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from podid.domain.cloudtrail import SessionCall
from podid.domain.foreign import Object, inner_or_empty, inners_or_none, instant, text_or
from podid.domain.policy.actions import ActionTable
from podid.domain.policy.reduce import UsedAction

_SERVICES = {"monitoring": "cloudwatch", "tagging": "tag", "email": "ses"}
_ACTIONS = {
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:UploadPart": "s3:PutObject",
    "lambda:Invoke": "lambda:InvokeFunction",
}
# services that also have data events, by "Logging data events" in the CloudTrail User Guide
_WITH_DATA_EVENTS = frozenset(
    {
        *("s3", "s3express", "s3-object-lambda", "s3-outposts", "dynamodb", "lambda", "sns", "sqs", "kinesis"),
        *("kinesisvideo", "cloudwatch", "ebs", "bedrock", "sagemaker", "states", "swf", "xray", "ses", "sdb"),
        *("appconfig", "appsync", "cognito-identity", "execute-api", "glue", "guardduty", "iot", "iotsitewise"),
        *("neptune-graph", "qbusiness", "rds-data", "servicediscovery", "ssm", "ssmmessages", "timestream"),
        *("verifiedpermissions", "payment-cryptography", "managedblockchain", "medical-imaging"),
    }
)
# Lambda's events have the version of the API in their names
_API_VERSION = re.compile(r"\d{8}(?:v\d+)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleEvents:
    """The calls with a role in exported events. `unmapped` are services with events that no action of IAM has the name
    of. `without_data` are services that have data events, none of which is in the file. `begin` and `end` are the times
    of the first and the last event of any caller."""

    calls: dict[str, UsedAction]
    unmapped: frozenset[str]
    without_data: frozenset[str]
    number: int
    begin: datetime | None
    end: datetime | None


def action_name(source: str, event: str) -> str:
    """Return the action of IAM that a call requires, by the first part of its event source and the name of its event.
    An event that is not mapped has its own name."""
    name = f"{_SERVICES.get(source, source)}:{_API_VERSION.sub('', event)}"
    return _ACTIONS.get(name, name)


def role_events(records: Iterable[Object], role_arn: str, since: datetime, table: ActionTable) -> RoleEvents:
    """Return the calls since that time, without denied ones. Raise Malformed for a record without a time."""
    calls: dict[str, UsedAction] = {}
    unmapped: set[str] = set()
    with_data: set[str] = set()
    times: list[datetime] = []
    number = 0
    for record in records:
        at = instant(record, "eventTime")
        times.append(at)
        issuer = inner_or_empty(
            inner_or_empty(inner_or_empty(record, "userIdentity"), "sessionContext"), "sessionIssuer"
        )
        source, event = text_or(record, "eventSource").partition(".")[0], text_or(record, "eventName")
        if record.get("managementEvent") is not True:
            with_data.add(_SERVICES.get(source, source))
        denied = SessionCall(at=at, service=source, action=event, error_code=text_or(record, "errorCode")).denied
        if text_or(issuer, "arn") != role_arn or at < since:
            continue
        number += 1
        if denied:
            continue
        name = action_name(source, event)
        known = table.find(name)
        if known is None:
            unmapped.add(name.partition(":")[0])
            continue
        listed = (text_or(item, "ARN") for item in inners_or_none(record, "resources"))
        arns = frozenset(arn for arn in listed if arn and table.applies(known, arn))
        before = calls.get(known.name.lower())
        every = arns if before is None else before.resources | arns if before.resources and arns else frozenset()
        calls[known.name.lower()] = UsedAction(known.name, every)
    return RoleEvents(
        calls=calls,
        unmapped=frozenset(unmapped),
        without_data=_WITH_DATA_EVENTS - with_data,
        number=number,
        begin=min(times, default=None),
        end=max(times, default=None),
    )
