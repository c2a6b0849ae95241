"""What CloudTrail tells of pods' credentials: agents that redeem tokens, and the sessions that pods got."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Generic, TypeVar

from podid.domain.names import ServiceAccountRef
from podid.domain.user_agents import OldSdk, of_the_node, old_sdk

# as far back as LookupEvents reaches
DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """One AssumeRoleForPodIdentity, most often an agent's. CloudTrail names cluster and caller, and no service account.
    `session_name` is the caller's: of a node role it is the instance's id. `error_code` is empty where it went well."""

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
    """One AssumeRole that EKS made for a pod. `ref`, `pod` and `cluster_arn` come from the session tags, and are empty
    where the association sends none; `packed_percent` is how much of the room for tags and session policy is taken."""

    at: datetime
    role_arn: str
    session_name: str
    cluster_arn: str = ""
    ref: ServiceAccountRef | None = None
    pod: str = ""
    packed_percent: int | None = None
    error_code: str = ""
    error_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCall:
    """One call with the credentials of a node's role, by whatever runs there. `service` is the first part of the
    event's source ("sqs"), `action` the call's name."""

    at: datetime
    service: str
    action: str
    user_agent: str = ""


# What a node does with its own role: it finds itself and the cluster, pulls images, gives pods addresses and lets SSM
# manage it. Bootstrap scripts of older images do it with an AWS CLI that is older than Pod Identity.
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


def nodes_own(call: NodeCall) -> bool:
    """Whether a node makes such a call for itself, whatever its pods do."""
    if call.service == "ssm":
        return call.action not in _SSM_OF_PODS
    of_ec2 = call.service == "ec2" and call.action in _ACTIONS_OF_NODES
    return of_ec2 or call.service in _SERVICES_OF_NODES or of_the_node(call.user_agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldCalls:
    """Calls of one kind that an SDK older than Pod Identity made with a node's role."""

    sdk: OldSdk
    call: str
    count: int
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTrail:
    """`looked` is how many calls with the role of a node were looked at, back to `since`; `old` are those that tell of
    an SDK that is too old."""

    looked: int
    since: datetime
    old: tuple[OldCalls, ...] = ()


def node_trail(looked: Looked[NodeCall]) -> NodeTrail:
    found: dict[tuple[OldSdk, str], list[NodeCall]] = {}
    for call in looked.events:
        sdk = None if nodes_own(call) else old_sdk(call.user_agent)
        if sdk is not None:
            found.setdefault((sdk, f"{call.service}:{call.action}"), []).append(call)
    return NodeTrail(
        looked=len(looked.events),
        since=looked.since if looked.whole else looked.events[-1].at,
        old=tuple(
            OldCalls(sdk=sdk, call=call, count=len(calls), last=max(each.at for each in calls))
            for (sdk, call), calls in found.items()
        ),
    )


Event = TypeVar("Event", Redemption, PodSession, NodeCall)


@dataclass(frozen=True, slots=True)
class Looked(Generic[Event]):
    """The events that were looked at, newest first. `whole` is whether these are all since `since`; otherwise there
    are older ones that were not looked at."""

    events: tuple[Event, ...]
    since: datetime
    whole: bool = True


def newest(events: Iterable[Event], since: datetime, most: int) -> Looked[Event]:
    """At most so many of them: pages that are not wanted are not asked for."""
    found = tuple(islice(events, most + 1))
    return Looked(found[:most], since, len(found) <= most)


@dataclass(frozen=True, slots=True)
class LastUse:
    """The newest event that fits, or None where none of those that were looked at does: back to `since`."""

    session: PodSession | None
    since: datetime


def last_use(sessions: Iterable[PodSession], fits: Callable[[PodSession], bool], since: datetime, most: int) -> LastUse:
    """Looks at no more than `most` sessions, newest first, and at none after the first that fits."""
    for count, session in enumerate(sessions, 1):
        if fits(session):
            return LastUse(session, since)
        if count == most:
            return LastUse(None, session.at)
    return LastUse(None, since)


def of_association(ref: ServiceAccountRef, cluster_arn: str, *, tagged: bool) -> Callable[[PodSession], bool]:
    """Whether a session of the association's role is its own. Without session tags only the name of the session tells,
    by its first letters, and of the cluster alone."""
    cluster = cluster_arn.rpartition("/")[2]

    def fits(session: PodSession) -> bool:
        if session.error_code:
            return False
        if session.ref is not None or tagged:
            return session.ref == ref and session.cluster_arn == cluster_arn
        return session.session_name.startswith(f"eks-{cluster[:10]}-")

    return fits
