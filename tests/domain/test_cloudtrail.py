"""SDKs by their user agents, sessions of pods in events and texts, and the last use of an association."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.values import ACCOUNT, CLUSTER, NOW
from harness import table
from podid.domain.cloudtrail import (
    Lookup,
    NamedSession,
    PodSession,
    SessionCall,
    is_call_of_node,
    last_use,
    newest,
    node_trail,
    of_association,
    old_sdk,
    records_in,
    sessions_in,
)
from podid.domain.foreign import Malformed
from podid.domain.names import ServiceAccountRef

ORDERS = ServiceAccountRef("shop", "orders")
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
POD = f"eks-demo-orders-7d4-{UUID}"
ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/orders/{POD}"


@table(
    ("user_agent", "since"),
    [
        ("Boto3/1.34.40 md/Botocore#1.34.40", "1.34.41"),
        ("Boto3/1.34.41 md/Botocore#1.34.40", ""),
        ("aws-cli/2.14.6 md/awscrt#0.19 Python/3.11 botocore/2.4.5", "2.15.0"),
        ("aws-cli/1.30.0 md/Botocore#1.32.0", ""),
        ("aws-sdk-go-v2/1.22.1 os/linux", "1.22.2"),
        ("aws-sdk-java/1.12.745 Linux", "1.12.746"),
        ("aws-sdk-java/2.21.30", ""),
        ("aws-sdk-nodejs/2.1549.0 linux", "2.1550.0"),
        ("aws-sdk-js/3.457.0", "3.458.0"),
        ("my-aws-sdk-js/3.1.0", ""),
        ("Boto3/latest", ""),
        ("curl/8.0", ""),
        ("", ""),
    ],
)
def test_sdks_that_are_older_than_pod_identity(user_agent: str, since: str) -> None:
    sdk = old_sdk(user_agent)
    assert (sdk.since if sdk is not None else "") == since


def call(service: str = "sqs", action: str = "SendMessage", minutes: int = 0, **more: Any) -> SessionCall:
    return SessionCall(at=NOW - timedelta(minutes=minutes), service=service, action=action, **more)


@table(
    ("code", "denied"),
    [
        ("", False),
        ("AccessDenied", True),
        ("AccessDeniedException", True),
        ("Client.UnauthorizedOperation", True),
        ("AuthorizationError", True),
        ("NotAuthorized", True),
        ("ThrottlingException", False),
    ],
)
def test_calls_that_were_denied(code: str, denied: bool) -> None:
    assert call(error_code=code).denied is denied


@table(
    ("service", "action", "user_agent", "of_node"),
    [
        ("ecr", "BatchGetImage", "", True),
        ("ec2", "DescribeInstances", "", True),
        ("ec2", "RunInstances", "", False),
        ("ssm", "UpdateInstanceInformation", "", True),
        ("ssm", "GetParameter", "", False),
        ("s3", "GetObject", "amazon-ssm-agent/3.2", True),
        ("s3", "GetObject", "Boto3/1.20.0", False),
    ],
)
def test_calls_of_nodes(service: str, action: str, user_agent: str, of_node: bool) -> None:
    assert is_call_of_node(call(service, action, user_agent=user_agent)) is of_node


def test_old_calls_of_a_node_are_counted_by_sdk_and_action() -> None:
    old = "Boto3/1.20.0"
    calls = (
        call(minutes=1, user_agent=old),
        call(minutes=2, user_agent=old),
        call("s3", "GetObject", 3, user_agent=old),
        call(minutes=4, user_agent="Boto3/1.40.0"),
        call("ecr", "BatchGetImage", 5, user_agent=old),
    )
    since = NOW - timedelta(days=1)
    trail = node_trail(Lookup(calls, since))
    assert (trail.looked, trail.since) == (5, since)
    assert [(item.call, item.count, item.last) for item in trail.old] == [
        ("sqs:SendMessage", 2, calls[0].at),
        ("s3:GetObject", 1, calls[2].at),
    ]
    assert node_trail(Lookup(calls, since, whole=False)).since == calls[-1].at


def test_the_newest_events_are_read_up_to_a_number() -> None:
    events = [call(minutes=minutes) for minutes in range(5)]
    lookup = newest(iter(events), NOW, 3)
    assert (lookup.events, lookup.whole) == (tuple(events[:3]), False)
    assert newest(iter(events), NOW, 5) == Lookup(tuple(events), NOW)


def session(minutes: int = 0, **more: Any) -> PodSession:
    values: dict[str, Any] = {"role_arn": "r", "session_name": POD, "cluster_arn": CLUSTER, "ref": ORDERS}
    return PodSession(at=NOW - timedelta(minutes=minutes), **(values | more))


@table(
    ("changes", "tagged", "fits"),
    [
        ({}, True, True),
        ({"ref": ServiceAccountRef("shop", "cart")}, True, False),
        ({"cluster_arn": CLUSTER.replace("demo", "prod")}, True, False),
        ({"error_code": "AccessDenied"}, True, False),
        # without tags, only the session name identifies the cluster
        ({"ref": None, "cluster_arn": ""}, False, True),
        ({"ref": None, "cluster_arn": "", "session_name": f"eks-prod-orders-{UUID}"}, False, False),
        ({"ref": None, "cluster_arn": ""}, True, False),
    ],
)
def test_sessions_of_an_association(changes: dict[str, Any], tagged: bool, fits: bool) -> None:
    assert of_association(ORDERS, CLUSTER, tagged=tagged)(session(**changes)) is fits


def test_the_last_use_is_the_newest_session_that_matches() -> None:
    cart = ServiceAccountRef("shop", "cart")
    sessions = [session(1, ref=cart), session(2), session(3)]
    fits, since = of_association(ORDERS, CLUSTER, tagged=True), NOW - timedelta(days=90)

    def last(sessions: list[PodSession], most: int) -> tuple[PodSession | None, datetime]:
        use = last_use(iter(sessions), fits, since, most)
        return use.session, use.since

    assert last(sessions, 10) == (sessions[1], since)
    assert last(sessions[:1], 10) == (None, since)
    # nothing is known of the time before the last session that was read
    assert last(sessions, 1) == (None, sessions[0].at)


def test_sessions_in_texts_and_events() -> None:
    named = NamedSession(POD, "orders", ACCOUNT, "aws")
    assert named.arn == ARN
    event = {"userIdentity": {"arn": ARN, "type": "AssumedRole"}, "other": f"arn:aws:sts::{ACCOUNT}:assumed-role/x/me"}
    for value in (f"User: {ARN} is not authorized to perform: s3:GetObject.", event, [json.dumps(event)]):
        assert sessions_in(value) == (named,)
    assert sessions_in(f"the session {POD}") == (NamedSession(POD),)
    assert sessions_in("nothing") == ()
    finding = {
        "AccountId": ACCOUNT,
        "Resource": {"AccessKeyDetails": {"PrincipalId": "AROAX:me", "UserName": "orders"}},
    }
    assert sessions_in(finding) == (NamedSession("me", "orders", ACCOUNT, "aws"),)


def test_json_that_is_nested_too_deeply_is_malformed() -> None:
    value: object = ARN
    for _ in range(2_000):
        value = [value]
    with pytest.raises(Malformed):
        sessions_in(value)


def test_the_parts_of_a_session_name() -> None:
    named = NamedSession(f"eks-production-orders-7d4-{UUID}", "orders", ACCOUNT, "aws")
    assert named.of_pod
    assert (named.of_cluster("production"), named.of_cluster("demo")) == (True, False)
    # EKS cuts the name of a cluster to ten characters
    assert NamedSession(f"eks-production-orders-{UUID}").of_cluster("production-2")
    assert named.pod_part("production-2") == "orders-7d4"
    assert (named.is_of(f"arn:aws:iam::{ACCOUNT}:role/team/orders"), named.is_of("arn:aws:iam::1:role/orders")) == (
        True,
        False,
    )
    node = NamedSession("i-0a1b2c3d4e5f60001", "nodes", ACCOUNT, "aws")
    assert (node.of_pod, node.instance_id, named.instance_id) == (False, node.name, "")


def test_records_in_json() -> None:
    record = {"eventName": "GetObject", "userIdentity": {"arn": ARN}}
    assert list(records_in({"Records": [record, {"eventName": "x"}], "Event": json.dumps(record)})) == [record, record]
    assert list(records_in("text")) == []
