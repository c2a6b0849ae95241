"""Sessions of pods and their calls, as text and as documents."""

import json
from datetime import timedelta
from typing import Any

from checks.builder import ACCOUNT, NOW, ROLE_ARN
from podid.domain.cloudtrail import NamedSession
from podid.domain.findings import Subject
from podid.domain.names import ServiceAccountRef
from podid.domain.section import Unread
from podid.ops.session.activity import Activity, CalledAction
from podid.ops.session.issue import IssuedIdentity
from podid.ops.session.trace import SessionTrace
from podid.render.formats import to_json
from podid.render.sessions import activity_notes, activity_view, issued_view, traces_view
from podid.render.view import View
from render.shown import texts

ORDERS = ServiceAccountRef("shop", "orders")
SESSION = NamedSession("eks-demo-orders-7d4-4f0e4c1a-0000-4000-8000-00000000000a", "orders", ACCOUNT, "aws")
TRACE = SessionTrace(
    session=SESSION,
    cluster="demo",
    ref=ORDERS,
    role_arn=ROLE_ARN,
    pod="orders-7d4b9-abcde",
    state="running",
    workload=Subject("Deployment", "orders", "shop"),
    images=("example/app:1",),
    started_at=NOW - timedelta(hours=2),
    source="cloudtrail",
)


def document(view: View) -> Any:
    return json.loads(to_json(view.document))


def test_the_pod_of_a_session() -> None:
    view = traces_view([TRACE], NOW)
    lines = texts(view.lines)
    assert lines[0] == f"session          {SESSION.arn}"
    assert {
        "service account  shop/orders",
        "pod              orders-7d4b9-abcde (running)",
        "workload         Deployment shop/orders",
        "source           the session tags in CloudTrail",
    } <= set(lines)
    assert [line.endswith(", 2h ago") for line in lines if line.startswith("started")] == [True]
    assert view.names == ("shop/orders-7d4b9-abcde",)
    body = document(view)
    assert (body["kind"], body["pod"], body["node"], body["namespace"]) == (
        *("SessionTrace", "orders-7d4b9-abcde"),
        *(None, "shop"),
    )


def test_pods_whose_names_match_and_unknown_parts() -> None:
    trace = SessionTrace(
        session=SESSION,
        candidates=tuple(f"shop/orders-{number}" for number in range(12)),
        unknown=(Unread("pod", "several match", "cloudtrail:LookupEvents"),),
    )
    view = traces_view([trace, TRACE], NOW)
    lines = texts(view.lines)
    assert "Pods whose names match: shop/orders-0, " in "\n".join(lines)
    assert " and 2 more" in "\n".join(lines)
    assert "Not known: pod: requires cloudtrail:LookupEvents." in lines
    assert lines.count("") == 1
    assert view.names == ("shop/orders-7d4b9-abcde",)
    body = document(view)
    assert (body["kind"], [item["serviceAccount"] for item in body["items"]]) == ("SessionTraceList", [None, "orders"])


def activity(*actions: CalledAction, limits: tuple[str, ...] = ()) -> Activity:
    return Activity(
        cluster="demo",
        ref=ORDERS,
        role_arn=ROLE_ARN,
        since=NOW - timedelta(hours=1),
        until=NOW,
        sessions=2,
        actions=actions,
        limits=limits,
    )


def test_calls_are_a_row_for_each_action() -> None:
    first, last = NOW - timedelta(minutes=9), NOW - timedelta(minutes=3)
    denied = CalledAction(
        action="sqs:SendMessage", calls=2, errors=1, denied=1, first=first, last=last, last_error="AccessDenied: x"
    )
    plain = CalledAction(action="sqs:ListQueues", calls=3, errors=0, denied=0, first=first, last=last)
    view = activity_view(activity(denied, plain))
    assert [[str(cell) for cell in row[:6]] for row in view.tables[0].rows] == [
        ["sqs:SendMessage", "2", "1", "1", "9m ago", "3m ago"],
        ["sqs:ListQueues", "3", "0", "0", "9m ago", "3m ago"],
    ]
    assert [item["lastError"] for item in document(view)["actions"]] == [
        "AccessDenied: x",
        None,
    ]
    summary, limits = texts(activity_notes(activity(denied, plain, limits=("data events", "older calls"))))
    assert summary.startswith("shop/orders: 5 calls in 2 sessions since ")
    assert summary.endswith(", 1 failed, 1 denied")
    assert limits == "Not included: data events; older calls"
    assert activity_view(activity()).tables[0].empty.startswith("no calls of shop/orders since ")
    assert len(activity_notes(activity())) == 1


def test_an_issued_identity_has_no_credentials() -> None:
    identity = IssuedIdentity(
        cluster="demo",
        ref=ORDERS,
        association_id="a-1",
        role_arn=ROLE_ARN,
        caller_arn=SESSION.arn,
        account=ACCOUNT,
        session_name=SESSION.name,
        pod="orders-1",
        expires_at=NOW,
    )
    view = issued_view(identity)
    assert texts(view.lines)[:2] == [f"caller           {SESSION.arn}", f"account          {ACCOUNT}"]
    assert (view.names, document(view)["sessionName"]) == ((SESSION.arn,), SESSION.name)
