"""The smallest policy that still allows the used actions, and those that may have been used.

IAM reports services, and some actions one by one. Exported CloudTrail events with data events show the other actions
and their resources. An action of a used service that no source covers is kept. Deny statements, NotAction, NotResource
and conditions stay as they are, and no result allows more than before.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from podid.domain.cloudtrail import SessionCall
from podid.domain.foreign import Object, inner_or_empty, inners_or_none, instant, text_or
from podid.domain.grouping import grouped
from podid.domain.iam import Document, Usage, listed, service_of
from podid.domain.policy.actions import ActionTable
from podid.domain.wildcards import ANY, covers, covers_arn, matches, meet, overlap, pattern

# services whose CloudTrail events name the resources of each request
_WITH_RESOURCES = frozenset({"dynamodb", "kms", "lambda", "s3", "sns", "sqs"})
# Neither IAM nor CloudTrail shows their use: a role is passed as a parameter of another call, and the other actions are
# no calls of an AWS API. IAM User Guide, "Refine permissions in AWS using last accessed information"
UNREPORTED = (
    *("iam:PassRole", "rds-db:connect", "dsql:DbConnect*", "elasticache:Connect", "memorydb:Connect", "neptune-db:*"),
    *("kafka-cluster:*", "es:ESHttp*", "aoss:APIAccessAll", "execute-api:*", "vpc-lattice-svcs:*"),
    *("elasticfilesystem:Client*", "eks:AccessKubernetesApi"),
)
# Permissions that other calls require, depending on their parameters. No event has the name of the permission: Service
# Authorization Reference. Each row is a service, the permission, and the calls of the service that may require it; a
# policy with a wildcard keeps the permission only if such a call was made. "{}" is the permission without "version".
_OF_OTHER_CALLS = (
    *(("sts", "tagsession", "assumerole*"), ("sts", "set*", "assumerole*"), ("kms", "reencrypt*", "")),
    *(("s3", "*objectversion*", "{}"), ("s3", "putobject?*", "putobject"), ("s3", "replicate*", "")),
    *(("s3", "bypassgovernanceretention", "deleteobject"), ("ec2", "createtags", "run*")),
    *(("dynamodb", "conditioncheckitem", ""), ("dynamodb", "partiql*", "")),
    *((ANY, tags, call) for tags in ("tag*", "createtags", "addtags*") for call in ("create*", "register*")),
)
# IAM evaluates a call for an index of a table, or for an alias or a version of a function, with that ARN. The events
# have the ARN of the table or of the function: CloudTrail's resource types are AWS::DynamoDB::Table and
# AWS::Lambda::Function.
_PARTS = (
    (re.compile(r"arn:[^:]*:dynamodb:.*:table/[^/]+"), "/index/*"),
    (re.compile(r"arn:[^:]*:lambda:.*:function:[^:]+"), ":*"),
)
# more patterns are not easier to review than the wildcard
_MOST_RESOURCES = 20
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class UsedAction:
    """The calls of one action in exported events. `resources` are the ARNs of all calls that the action applies to;
    empty if a call has none."""

    name: str
    resources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The known use of a role. `calls` are the actions in exported events by lower-case name, None without such
    events: then actions that IAM does not track are kept, as are those of the services in `partial`, of which the
    events do not show every call. `keep` are patterns of actions that stay. If the role is `unreported`, IAM may not
    report its use yet, and nothing is removed."""

    usage: Usage
    since: datetime
    table: ActionTable
    calls: Mapping[str, UsedAction] | None = None
    partial: frozenset[str] = frozenset()
    keep: tuple[str, ...] = ()
    unreported: bool = False

    def complete(self, service: str) -> bool:
        """Return whether the events show every call of the service."""
        return self.calls is not None and service not in self.partial

    def kept(self, action: str) -> bool:
        return is_unreported(action) or any(matches(pattern(keep.lower()), action.lower()) for keep in self.keep)


def is_hidden(action: str, calls: Iterable[str] | None = None) -> bool:
    """Return whether a call of another action may require this permission. With `calls`, in lower case, return whether
    one of these may require it."""
    service, _, name = action.lower().partition(":")
    rows = [row for row in _OF_OTHER_CALLS if row[0] in (ANY, service) and matches(pattern(row[1]), name)]
    if calls is None:
        return bool(rows)
    requiring = [pattern(f"{service}:{call.format(name.replace('version', ''))}") for *_, call in rows]
    return any(matches(item, call) for item in requiring for call in calls)


def is_unreported(action: str) -> bool:
    """Return whether neither IAM nor CloudTrail reports the use of the action."""
    return any(matches(pattern(item.lower()), action.lower()) for item in UNREPORTED)


def unreported(granted: Iterable[str]) -> tuple[str, ...]:
    """Return the granted actions, or patterns of actions, whose use neither IAM nor CloudTrail reports."""
    pairs = ((action, item) for action in granted for item in UNREPORTED if overlap(action.lower(), item.lower()))
    return tuple(dict.fromkeys(action if covers(item.lower(), action.lower()) else item for action, item in pairs))


@dataclass(slots=True)
class Reduction:
    """`document` is the reduced policy, None if no statement remains. `removed` are the actions and patterns that it no
    longer allows, `unknown` those that are kept because no source shows whether they were used."""

    document: Document | None
    removed: dict[str, None] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)


def reduce_policy(document: Document, evidence: Evidence) -> Reduction:
    """Return the reduced policy. A document without a change is returned as it is."""
    reduction = Reduction(document)
    statements = listed(document.get("Statement"))
    reduced = [item for raw in statements if (item := _statement(raw, evidence, reduction)) is not None]
    if reduced != statements:
        reduction.document = {**document, "Statement": reduced} if reduced else None
    return reduction


def _statement(raw: object, evidence: Evidence, reduction: Reduction) -> object:
    """Return the reduced statement, or None if nothing of it remains."""
    if not isinstance(raw, Mapping) or raw.get("Effect") != "Allow":
        return raw
    if "Action" not in raw:
        reduction.unknown["NotAction"] = None
        return raw
    before = [action for action in listed(raw["Action"]) if isinstance(action, str)]
    after: dict[str, None] = {}
    for action in before:
        after |= dict.fromkeys(_reduced(action, evidence, reduction))
    if not after:
        return None
    changed: dict[str, object] = dict(raw)
    if list(after) != before:
        changed["Action"] = _one_or_list(after)
    resources = listed(raw.get("Resource"))
    narrowed = _resources(resources, after, evidence)
    if narrowed is not None and list(narrowed) != resources:
        changed["Resource"] = _one_or_list(narrowed)
    return changed


def _one_or_list(texts: Iterable[str]) -> str | list[str]:
    items = list(texts)
    return items if len(items) > 1 else items[0]


def _reduced(action: str, evidence: Evidence, reduction: Reduction) -> Iterator[str]:
    """Yield the remaining parts of a pattern of actions."""
    service = service_of(action)
    accessed = None if evidence.unreported else evidence.usage.get(service)
    names = _names(action, evidence)
    if action == "*" and not evidence.unreported:
        yield from _of_all(evidence, reduction)
    elif accessed is None or not names:
        # IAM does not report the service, or the table does not know the action
        reduction.unknown[action] = None
        yield action
    # the events may show a use that IAM does not report yet
    elif not accessed.used(evidence.since) and service not in map(service_of, evidence.calls or ()):
        yield from _without(action, names, list(filter(evidence.kept, names)), reduction)
    else:
        tracked = {f"{service}:{item.name}".lower() for item in accessed.actions}
        calls = accessed.called(evidence.since) | {*(evidence.calls or ())}
        remaining = []
        for name in names:
            untracked = name.lower() not in tracked
            if evidence.kept(name) or name.lower() in calls:
                remaining.append(name)
            elif untracked and not evidence.complete(service):
                reduction.unknown[action] = None
                remaining.append(name)
            elif is_hidden(name, None if untracked and names == [action] else calls):
                # IAM reports the call, not the second permission that the call requires
                reduction.unknown[name] = None
                remaining.append(name)
        yield from _without(action, names, remaining, reduction)


def _of_all(evidence: Evidence, reduction: Reduction) -> Iterator[str]:
    """Yield the remaining parts of `*`: patterns for the used services, and the actions to keep in others."""
    reduction.removed["*"] = None
    used = sorted(item.name for item in evidence.usage.values() if item.used(evidence.since))
    called = {service_of(item.name) for item in (evidence.calls or {}).values()}
    for service in (*used, *sorted(called - {*used})):
        yield from _reduced(f"{service}:*", evidence, reduction)
    reduction.unknown |= dict.fromkeys(UNREPORTED)
    yield from (keep for keep in (*UNREPORTED, *evidence.keep) if service_of(keep) not in {*used, *called})


def _without(action: str, names: Sequence[str], kept: Sequence[str], reduction: Reduction) -> Iterator[str]:
    """Yield the pattern, or patterns for its remaining actions."""
    reduction.unknown |= dict.fromkeys(filter(is_unreported, kept))
    if len(kept) == len(names):
        yield action
        return
    dropped = [name for name in names if name not in kept]
    reduction.removed |= dict.fromkeys(dropped if kept else [action])
    yield from _folded(action, kept, dropped)


def _names(action: str, evidence: Evidence) -> list[str]:
    """Return the actions of the table that match; an action without a wildcard is itself."""
    if not set("*?") & set(action):
        return [action]
    return [item.name for item in evidence.table.expand(action)]


def _folded(action: str, kept: Sequence[str], dropped: Sequence[str]) -> Iterator[str]:
    """Yield the actions as patterns where these cover none of the dropped ones. A pattern is the first words of a name,
    as in `s3:Get*`, and never wider than the original, which must end with its only wildcard."""
    prefix, star, suffix = action.partition("*")
    if not star or suffix or "?" in prefix:
        yield from kept
        return
    taken: set[str] = set()
    for name in kept:
        if name in taken:
            continue
        service, _, plain = name.partition(":")
        words = _WORD.findall(plain)
        stems = (f"{service}:{''.join(words[:count])}" for count in range(1, len(words)))
        for stem in stems:
            covered = [item for item in kept if item.startswith(stem)]
            wide = stem.lower().startswith(prefix.lower()) and len(covered) > 2
            if wide and not any(item.lower().startswith(stem.lower()) for item in dropped):
                taken.update(covered)
                yield f"{stem}*"
                break
        else:
            yield name


def _resources(before: Sequence[object], actions: Iterable[str], evidence: Evidence) -> tuple[str, ...] | None:
    """Return the patterns of the resources in the events, or None if these do not show all resources of the actions."""
    arns: set[str] = set()
    allowed = [text for text in before if isinstance(text, str)]
    for action in actions:
        call = (evidence.calls or {}).get(action.lower())
        known = evidence.table.find(action)
        if call is None and evidence.complete(service_of(action)) and is_hidden(action):
            # the action has no events; the events of the calls that require it contain the resources
            continue
        if call is None or known is None or service_of(action) not in _WITH_RESOURCES or evidence.kept(action):
            return None
        if not call.resources:
            return None
        arns |= call.resources
        parts = [f"{arn}{part}" for arn in call.resources for whole, part in _PARTS if whole.fullmatch(arn)]
        applied = filter(partial(evidence.table.applies, known), parts)
        arns |= {narrow for item in applied for text in allowed if (narrow := meet(text, item))}
    if not arns or not all(any(covers_arn(text, arn) for text in allowed) for arn in arns):
        return None
    if not any("*" in text for text in allowed):
        return None
    folded = fold(arns)
    inside = all(any(covers_arn(text, item) for text in allowed) for item in folded)
    return folded if inside and len(folded) <= _MOST_RESOURCES else None


def fold(arns: Iterable[str]) -> tuple[str, ...]:
    """Return patterns that cover the ARNs: several objects of S3 in the same folder become one pattern of the folder. A
    table or a key has no folder: `table/*` is every table."""
    folders = grouped((arn.rpartition("/")[0] if ":s3:::" in arn else "", arn) for arn in sorted(set(arns)))
    patterns = {
        f"{folder}/*" if folder and len(items) > 1 else item for folder, items in folders.items() for item in items
    }
    wide = {item for item in patterns if item.endswith("*")}
    return tuple(sorted(item for item in patterns if not any(item.startswith(w[:-1]) for w in wide - {item})))


# --- events of CloudTrail ---------------------------------------------------------------------------------------------

# Most events have the name of the action. The exceptions are from the Service Authorization Reference of Amazon S3 and
# AWS Lambda. An event that requires several actions, such as CopyObject, is not mapped.
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
        *("verifiedpermissions", "payment-cryptography", "managedblockchain", "medical-imaging", "cassandra", "logs"),
        *("aps", "cloudfront-keyvaluestore", "codeguru-profiler", "dataexchange", "dsql", "ec2messages", "events"),
        *("firehose", "geo", "greengrass", "iottwinmaker", "machinelearning", "mobiletargeting", "rum", "s3tables"),
        *("s3vectors", "workmailmessageflow", "aoss", "es", "dax", "aiops", "aidevops", "agent-registry"),
        *("application-signals", "b2bi", "backup-search", "bedrock-agentcore", "bedrock-mantle", "cloudtrail-data"),
        *("codewhisperer", "deadline", "finspace-api", "gameliftstreams", "geo-maps", "geo-places", "geo-routes"),
        *("health-agent", "healthlake", "kendra-ranking", "lex", "managedblockchain-query", "airflow"),
        *("networkflowmonitor", "nova-act", "one", "pca-connector-ad", "pca-connector-scep", "qapps", "qdeveloper"),
        *("quicksight", "redshift", "resource-explorer-2", "sagemaker-mlflow", "scn", "signer", "sms-voice"),
        *("social-messaging", "thinclient", "transform", "transform-custom", "wellarchitected"),
        *("ec2-instance-connect"),
    }
)
# Lambda's events have the version of the API in their names
_API_VERSION = re.compile(r"\d{8}(?:v\d+)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleEvents:
    """The calls with a role in exported events. `unmapped` are services with events that do not have the name of an
    IAM action. `services` are those of all events with the role. `without_data` are services that have data events,
    none of which is in the file. `begin` and `end` are the times of the first and the last event of any caller."""

    calls: dict[str, UsedAction]
    services: frozenset[str]
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
    sources: set[str] = set()
    with_data: set[str] = set()
    times: list[datetime] = []
    number = 0
    for record in records:
        at = instant(record, "eventTime")
        times.append(at)
        issuer = inner_or_empty(record, "userIdentity", "sessionContext", "sessionIssuer")
        source, event = text_or(record, "eventSource").partition(".")[0], text_or(record, "eventName")
        code = text_or(record, "errorCode")
        if record.get("managementEvent") is not True:
            with_data.add(_SERVICES.get(source, source))
        denied = SessionCall(at=at, service=source, action=event, error_code=code).denied
        if text_or(issuer, "arn") != role_arn or at < since:
            continue
        number += 1
        name = action_name(source, event)
        sources.add(service_of(name))
        if denied:
            continue
        listed = [text_or(item, "ARN") for item in inners_or_none(record, "resources")]
        # without s3:ListBucket, S3 denies the request for an object that does not exist: API_GetObject
        absent = name == "s3:GetObject" and code in ("NoSuchKey", "NotFound", "404")
        for required in (name, "s3:ListBucket") if absent else (name,):
            known = table.find(required)
            if known is None:
                unmapped.add(service_of(required))
                continue
            arns = frozenset(arn for arn in listed if arn and table.applies(known, arn))
            before = calls.get(known.name.lower())
            every = arns if before is None else before.resources | arns if before.resources and arns else frozenset()
            calls[known.name.lower()] = UsedAction(known.name, every)
    return RoleEvents(
        calls=calls,
        services=frozenset(sources),
        unmapped=frozenset(unmapped),
        without_data=_WITH_DATA_EVENTS - with_data,
        number=number,
        begin=min(times, default=None),
        end=max(times, default=None),
    )
