"""Pods' credentials in CloudTrail: tokens that agents redeem, and sessions of pods. The SDK of a call, by its user
agent, and whether it is older than EKS Pod Identity. Role sessions by name: in events, findings and error texts.

Minimum versions: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-minimum-sdk.html. Three SDKs report
a version other than the one in AWS's list: Go v2 that of its core module (the configuration module of
release-2023-11-14 requires at least 1.22.2), .NET that of AWSSDK.Core (3.7.302.0 belongs to SDK 3.7.734.0), Rust that
of its runtime crates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from podid.domain.foreign import Object, check_depth, text_or
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef

Version = tuple[int, ...]


class _Sdk(NamedTuple):
    """`before` is the first version that supports Pod Identity; `token` is its name in user agents."""

    name: str
    token: str
    before: Version


_NUMBER = r"(\d{1,6}(?:\.\d{1,6}){1,3})"
# in order of precedence for a user agent with several: the AWS CLI includes a botocore
_SDKS = (
    _Sdk("AWS CLI v1", r"aws-cli/(?=1\.)", (1, 30, 0)),
    _Sdk("AWS CLI", r"aws-cli/", (2, 15, 0)),
    _Sdk("boto3", r"boto3/", (1, 34, 41)),
    _Sdk("botocore", r"botocore[/#]", (1, 34, 41)),
    _Sdk("AWS SDK for Go v2", r"aws-sdk-go-v2/", (1, 22, 2)),
    _Sdk("AWS SDK for Go v1", r"aws-sdk-go/", (1, 47, 11)),
    _Sdk("AWS SDK for Java v1", r"aws-sdk-java/(?=1\.)", (1, 12, 746)),
    _Sdk("AWS SDK for Java v2", r"aws-sdk-java/", (2, 21, 30)),
    _Sdk("AWS SDK for Kotlin", r"aws-sdk-kotlin/", (1, 0, 1)),
    _Sdk("AWS SDK for JavaScript v2", r"aws-sdk-(?:nodejs|js)/(?=2\.)", (2, 1550, 0)),
    _Sdk("AWS SDK for JavaScript v3", r"aws-sdk-js/", (3, 458, 0)),
    _Sdk("AWS Tools for PowerShell", r"AWSPowerShell(?:\.\w+)?/", (4, 1, 502)),
    _Sdk("AWSSDK.Core of .NET", r"aws-sdk-dotnet-core/", (3, 7, 302)),
    _Sdk("aws-sdk-core of Ruby", r"aws-sdk-ruby[23]/", (3, 188, 0)),
    _Sdk("AWS SDK for PHP", r"aws-sdk-php\d?/", (3, 287, 1)),
    _Sdk("AWS SDK for C++", r"aws-sdk-cpp/", (1, 11, 263)),
    _Sdk("AWS SDK for Rust", r"aws-sdk-rust/", (1, 1, 8)),
)
_PATTERNS = tuple((sdk, re.compile(rf"(?<![\w-]){sdk.token}v?{_NUMBER}", re.ASCII | re.IGNORECASE)) for sdk in _SDKS)
# components of a node that call AWS with its role: network plugin, kubelet, SSM agent
_OF_THE_NODE = re.compile(
    r"amazon-vpc-cni|amazon-ssm-agent|ecr-credential-provider|ecr-login|eks-pod-identity-agent|nodeadm|kubelet|"
    r"kubernetes/|cloud-provider-aws|aws-iam-authenticator|cloud-init|cfn-|CWAgent|node-monitoring|"
    r"ec2-instance-connect|bottlerocket",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class OldSdk:
    """`version` is the one in the user agent, `since` the first one that supports Pod Identity."""

    name: str
    version: str
    since: str


def old_sdk(user_agent: str) -> OldSdk | None:
    """Return the SDK of a user agent if it is known to be older than Pod Identity; None also without a version."""
    for sdk, pattern in _PATTERNS:
        match = pattern.search(user_agent)
        if match is not None:
            parts = tuple(map(int, match[1].split(".")))
            return OldSdk(sdk.name, match[1], ".".join(map(str, sdk.before))) if parts < sdk.before else None
    return None


# the retention of LookupEvents
DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """One AssumeRoleForPodIdentity, usually by an agent. CloudTrail has its cluster and caller, but no service account.
    `session_name` is the caller's: the instance id for a node role. `error_code` is empty on success."""

    at: datetime
    cluster: str
    caller_arn: str
    role_arn: str
    session_name: str
    error_code: str = ""
    error_message: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSession:
    """One AssumeRole by EKS for a pod. `ref`, the pod and `cluster_arn` come from the session tags, and are empty
    without them. `packed_percent` is the packed policy size, as a share of the quota for tags and session policy."""

    at: datetime
    role_arn: str
    session_name: str
    cluster_arn: str = ""
    ref: ServiceAccountRef | None = None
    pod: str = ""
    pod_uid: str = ""
    packed_percent: int | None = None
    error_code: str = ""
    error_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebIdentity:
    """One AssumeRoleWithWebIdentity, by which a pod gets credentials from IRSA. `provider` is the ARN of the OIDC
    provider. `ref` is the service account in the token, None if the token is not one of a service account."""

    at: datetime
    provider: str
    role_arn: str
    ref: ServiceAccountRef | None = None
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCall:
    """One call with the credentials of a role. `service` is the first part of the event source ("sqs"), `action` the
    event name. `error_code` is empty on success."""

    at: datetime
    service: str
    action: str
    user_agent: str = ""
    error_code: str = ""
    error_message: str = ""

    @property
    def denied(self) -> bool:
        """Return whether permissions were missing: AccessDenied, AccessDeniedException, UnauthorizedOperation of EC2,
        AuthorizationError of SNS."""
        return re.search("AccessDenied|Unauthorized|AuthorizationError|NotAuthorized", self.error_code) is not None


# calls that a node makes with its own role: it describes itself and the cluster, pulls images, assigns addresses to
# pods and is managed by SSM. Bootstrap scripts of older images use an AWS CLI that is older than Pod Identity.
_SERVICES_OF_NODES = frozenset({"ecr", "ssmmessages", "ec2messages", "eks-auth", "eks", "cloudformation"})
_ACTIONS_OF_NODES = frozenset(
    {
        *("DescribeInstances", "DescribeInstanceTypes", "DescribeNetworkInterfaces", "DescribeTags", "DescribeVpcs"),
        *("DescribeSubnets", "DescribeSecurityGroups", "DescribeRegions", "CreateNetworkInterface", "CreateTags"),
        *("AttachNetworkInterface", "DetachNetworkInterface", "DeleteNetworkInterface"),
        *("ModifyNetworkInterfaceAttribute", "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"),
        *("AssignIpv6Addresses", "UnassignIpv6Addresses"),
    }
)
_SSM_OF_PODS = ("GetParameter", "GetParameters", "GetParametersByPath", "PutParameter")


def is_call_of_node(call: SessionCall) -> bool:
    """Return whether a node itself makes such calls, independent of its pods."""
    if call.service == "ssm":
        return call.action not in _SSM_OF_PODS
    of_ec2 = call.service == "ec2" and call.action in _ACTIONS_OF_NODES
    return of_ec2 or call.service in _SERVICES_OF_NODES or _OF_THE_NODE.search(call.user_agent) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class OldCalls:
    """Calls of one kind with a node's role, by an SDK that is older than Pod Identity."""

    sdk: OldSdk
    call: str
    count: int
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTrail:
    """`looked` is the number of calls with a node's role that were read, back to `since`; `old` are those by an SDK
    that is too old."""

    looked: int
    since: datetime
    old: tuple[OldCalls, ...] = ()


def node_trail(looked: Lookup[SessionCall]) -> NodeTrail:
    by_sdk = grouped(
        ((sdk, f"{call.service}:{call.action}"), call)
        for call in looked.events
        if not is_call_of_node(call) and (sdk := old_sdk(call.user_agent)) is not None
    )
    return NodeTrail(
        looked=len(looked.events),
        since=looked.since if looked.whole else looked.events[-1].at,
        old=tuple(
            OldCalls(sdk=sdk, call=call, count=len(calls), last=max(old_call.at for old_call in calls))
            for (sdk, call), calls in by_sdk.items()
        ),
    )


Event = TypeVar("Event", Redemption, PodSession, SessionCall, WebIdentity)


@dataclass(frozen=True, slots=True)
class Lookup(Generic[Event]):
    """The events that were read, newest first. `whole` is whether these are all events since `since`."""

    events: tuple[Event, ...]
    since: datetime
    whole: bool = True


def newest(events: Iterable[Event], since: datetime, most: int) -> Lookup[Event]:
    """Return at most `most` events, without reading further pages."""
    newest_first = tuple(islice(events, most + 1))
    return Lookup(newest_first[:most], since, len(newest_first) <= most)


@dataclass(frozen=True, slots=True)
class LastUse:
    """The newest event that matches, or None if none of the events back to `since` does."""

    session: PodSession | None
    since: datetime


def last_use(sessions: Iterable[PodSession], fits: Callable[[PodSession], bool], since: datetime, most: int) -> LastUse:
    """Return the first session that matches, newest first. Read at most `most` sessions."""
    for count, session in enumerate(sessions, 1):
        if fits(session):
            return LastUse(session, since)
        if count == most:
            return LastUse(None, session.at)
    return LastUse(None, since)


def of_association(ref: ServiceAccountRef, cluster_arn: str, *, tagged: bool) -> Callable[[PodSession], bool]:
    """Return a function that decides whether a session of the association's role belongs to the association. Without
    session tags it decides by the beginning of the session name, which identifies the cluster only."""

    def fits(session: PodSession) -> bool:
        if session.error_code:
            return False
        if session.ref is not None or tagged:
            return session.ref == ref and session.cluster_arn == cluster_arn
        return NamedSession(session.session_name).of_cluster(cluster_arn.rpartition("/")[2])

    return fits


# --- names of sessions ------------------------------------------------------------------------------------------------

# EKS names a session `eks-CLUSTER-POD-UUID`, with at most 10 characters of the cluster's and of the pod's name
PART = 10  # characters of the names of cluster and pod in a session name
_NAME = r"[\w+=,.@-]{1,64}"
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OF_POD = rf"eks-[A-Za-z0-9][\w.-]{{2,20}}-{_UUID}"
_ARN = re.compile(rf"arn:(aws[a-z-]*):sts::(\d{{12}}):assumed-role/({_NAME})/({_NAME})", re.ASCII)
_BARE = re.compile(rf"(?<![\w/-]){_OF_POD}(?![\w-])", re.ASCII)
_PARTS = re.compile(rf"eks-(.+)-{_UUID}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NamedSession:
    """One session of a role. `role` is the role's name without its path. Everything but `name` is empty if only the
    session name is known."""

    name: str
    role: str = ""
    account: str = ""
    partition: str = ""

    @property
    def arn(self) -> str:
        """Return the session's ARN; empty if the role is not known."""
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/{self.role}/{self.name}" if self.role else ""

    @property
    def of_pod(self) -> bool:
        """Return whether EKS gives such names to sessions of pods."""
        return re.fullmatch(_OF_POD, self.name, re.ASCII) is not None

    @property
    def instance_id(self) -> str:
        """Return the id of the EC2 instance, which names the sessions of its role; empty for other sessions."""
        return self.name if re.fullmatch(r"i-[0-9a-f]{8,17}", self.name) else ""

    def of_cluster(self, cluster: str) -> bool:
        """Return whether it can be the session of a pod of this cluster."""
        return self.name.startswith(f"eks-{cluster[:PART]}-")

    def pod_part(self, cluster: str) -> str:
        """Return the beginning of the pod's name, for a session of this cluster."""
        match = _PARTS.fullmatch(self.name)
        return match[1].removeprefix(f"{cluster[:PART]}-") if match is not None else ""

    def is_of(self, role_arn: str) -> bool:
        """Return whether the session may be one of this role; true if its role is not known."""
        same = f":{self.account}:" in role_arn and role_arn.rpartition("/")[2] == self.role
        return not self.role or same


def sessions_in(value: object) -> tuple[NamedSession, ...]:
    """Return the role sessions in a text, or anywhere in JSON: a CloudTrail event, a list of them, a GuardDuty finding.
    If some are sessions of pods, return only these. Raise Malformed for JSON that is nested too deeply."""
    check_depth(value, "the JSON")
    unique = dict.fromkeys(_sessions(value))
    named = {session.name for session in unique if session.role}
    whole = [session for session in unique if session.role or session.name not in named]
    return tuple(session for session in whole if session.of_pod) or tuple(whole)


def _sessions(value: object) -> Iterator[NamedSession]:
    if isinstance(value, str):
        inner = _json(value)
        yield from _sessions(inner) if inner is not None else _in_text(value)
    elif isinstance(value, Mapping):
        yield from _of_finding(value)
        for member in value.values():
            yield from _sessions(member)
    elif isinstance(value, list):
        for item in value:
            yield from _sessions(item)


def _in_text(text: str) -> Iterator[NamedSession]:
    for partition, account, role, name in _ARN.findall(text):
        yield NamedSession(name.rstrip(".,"), role, account, partition)
    for match in _BARE.finditer(text):
        yield NamedSession(match[0])


def _json(text: str) -> object:
    """Return the object in a text; CloudTrail's API returns the event as JSON text."""
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    check_depth(value, "the JSON")
    return value


def _of_finding(finding: Object) -> Iterator[NamedSession]:
    """Yield the session of a GuardDuty finding, which has no session ARN: its principal is `AROA…:SESSION`."""
    members = _uncapitalized(finding)
    key = _uncapitalized(_uncapitalized(members.get("resource")).get("accessKeyDetails"))
    name, account = text_or(key, "principalId").partition(":")[2], text_or(members, "accountId")
    if name and account:
        arn = text_or(members, "arn") or "arn:aws"
        yield NamedSession(name, text_or(key, "userName"), account, arn.split(":")[1])


def _uncapitalized(value: object) -> Object:
    """Return the members with the names of exported findings; those of the API begin with a capital letter."""
    return {name[:1].lower() + name[1:]: member for name, member in value.items()} if isinstance(value, Mapping) else {}


def records_in(value: object) -> Iterator[Object]:
    """Yield the CloudTrail records in JSON."""
    if isinstance(value, str):
        yield from records_in(_json(value) or ())
    elif isinstance(value, Mapping):
        if "eventName" in value and "userIdentity" in value:
            yield value
        else:
            for member in value.values():
                yield from records_in(member)
    elif isinstance(value, list):
        for item in value:
            yield from records_in(item)
