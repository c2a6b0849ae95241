"""Reduced policies: what was used still works, what was not does not, and nothing is allowed that was not before."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podid.domain.iam import AccessedAction, AccessedService
from podid.domain.policy.reduce import UNREPORTED, Evidence, fold, reduce_policy, role_events, unreported
from podid.ops.permissions.actions import action_table
from podid.sandbox.aws.policy import decide

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=90)
USED, OLD = NOW - timedelta(days=1), NOW - timedelta(days=200)
TABLE = action_table()
ROLE = "arn:aws:iam::111122223333:role/orders"


def service(name: str, last: datetime | None = USED, **actions: datetime | None) -> AccessedService:
    tracked = tuple(AccessedAction(name=action, last=when) for action, when in actions.items())
    return AccessedService(name=name, last=last, actions=tracked)


def evidence(*services: AccessedService, **more: Any) -> Evidence:
    return Evidence(usage={item.name: item for item in services}, since=SINCE, table=TABLE, **more)


def policy(*actions: str, resource: object = "*", **more: object) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": [*actions], "Resource": resource, **more}],
    }


def actions_of(document: Any) -> list[str]:
    if document is None:
        return []
    (statement,) = document["Statement"]
    return [statement["Action"]] if isinstance(statement["Action"], str) else list(statement["Action"])


def event(name: str, *arns: str, source: str = "s3.amazonaws.com", role: str = ROLE, **more: Any) -> dict[str, Any]:
    return {
        "eventTime": "2026-11-23T10:00:00Z",
        "eventSource": source,
        "eventName": name,
        "userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": role}}},
        "resources": [{"ARN": arn} for arn in arns],
        **more,
    }


def with_events(*events: dict[str, Any], services: tuple[AccessedService, ...], **more: Any) -> Evidence:
    seen = role_events(events, ROLE, SINCE, TABLE)
    return evidence(*services, calls=seen.calls, partial=seen.unmapped | seen.without_data, **more)


def test_services_that_were_not_used_are_removed() -> None:
    reduction = reduce_policy(
        policy("s3:GetObject", "sqs:*", "kms:Decrypt"),
        evidence(service("s3"), service("sqs", None), service("kms", OLD)),
    )
    assert actions_of(reduction.document) == ["s3:GetObject"]
    assert [*reduction.removed] == ["sqs:*", "kms:Decrypt"]
    assert [*reduction.unknown] == ["s3:GetObject"]


def test_tracked_actions_are_judged_one_by_one() -> None:
    sqs = service("sqs", CreateQueue=None, DeleteQueue=OLD, GetQueueUrl=USED)
    document = policy("sqs:CreateQueue", "sqs:DeleteQueue", "sqs:GetQueueUrl", "sqs:SendMessage")
    reduction = reduce_policy(document, evidence(sqs))
    assert actions_of(reduction.document) == ["sqs:GetQueueUrl", "sqs:SendMessage"]
    assert [*reduction.unknown] == ["sqs:SendMessage"]


def test_a_policy_of_which_nothing_is_left() -> None:
    assert reduce_policy(policy("sqs:*"), evidence(service("sqs", None))).document is None


def test_a_policy_without_a_change_is_the_same_document() -> None:
    document = policy("s3:GetObject", Condition={"Bool": {"aws:SecureTransport": "true"}})
    assert reduce_policy(document, evidence(service("s3"))).document is document


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"},
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
    ],
)
def test_other_statements_stay(statement: dict[str, object]) -> None:
    document = {"Version": "2012-10-17", "Statement": [statement, *policy("sqs:*")["Statement"]]}
    reduction = reduce_policy(document, evidence(service("sqs", None)))
    assert reduction.document == {**document, "Statement": [statement]}


def test_a_service_that_iam_does_not_report_stays() -> None:
    reduction = reduce_policy(policy("mystery:*", "s3:Nosuch"), evidence(service("s3", None)))
    assert actions_of(reduction.document) == ["mystery:*"]
    assert [*reduction.unknown] == ["mystery:*"]


def test_kept_actions_stay_in_used_and_unused_services() -> None:
    reported = evidence(service("sqs", None), service("sns", CreateTopic=None), keep=("sqs:send*", "sns:CreateTopic"))
    reduction = reduce_policy(policy("sqs:*", "sns:CreateTopic"), reported)
    assert actions_of(reduction.document) == ["sqs:SendMessage", "sns:CreateTopic"]
    everything = reduce_policy(policy("*"), evidence(service("sqs", None), keep=("sqs:*",)))
    assert actions_of(everything.document) == [*UNREPORTED, "sqs:*"]


def test_everything_becomes_the_used_services() -> None:
    names = {item.name.partition(":")[2]: None for item in TABLE.expand("sqs:*")}
    sqs = service("sqs", **{**names, "SendMessage": USED})
    reduction = reduce_policy(policy("*"), evidence(sqs, service("s3", None)))
    assert actions_of(reduction.document) == ["sqs:SendMessage", *UNREPORTED]
    assert "*" in reduction.removed


def test_events_show_untracked_actions_and_resources() -> None:
    bucket = "arn:aws:s3:::reports"
    reported = with_events(
        event("GetObject", f"{bucket}/2026/a", bucket),
        event("HeadObject", f"{bucket}/2026/b", bucket),
        event("PutObject", f"{bucket}/x", bucket, errorCode="AccessDenied"),
        event("GetObject", f"{bucket}/other", role="arn:aws:iam::111122223333:role/another"),
        services=(service("s3"),),
    )
    reduction = reduce_policy(policy("s3:*"), reported)
    (statement,) = policy(resource=f"{bucket}/2026/*")["Statement"]
    kept = ["s3:GetObject", "s3:GetObjectVersion"]
    assert reduction.document == {**policy(), "Statement": [{**statement, "Action": kept}]}
    assert [*reduction.unknown] == kept[1:]


def test_management_events_alone_do_not_show_the_use_of_data() -> None:
    events = event("GetBucketPolicy", managementEvent=True), event("Decrypt", source="kms.amazonaws.com")
    document = policy("s3:GetObject", "s3:GetBucketPolicy", "kms:Decrypt", "kms:Encrypt")
    reduction = reduce_policy(document, with_events(*events, services=(service("s3"), service("kms"))))
    assert actions_of(reduction.document) == ["s3:GetObject", "s3:GetBucketPolicy", "kms:Decrypt"]
    assert [*reduction.unknown] == ["s3:GetObject"]
    for prefix, data, called in (
        ("lex", "PostText", "GetBot"),
        ("sms-voice", "SendTextMessage", "DescribePhoneNumbers"),
        ("airflow", "InvokeRestApi", "GetEnvironment"),
    ):
        management = event(called, source=f"{prefix}.amazonaws.com", managementEvent=True)
        document = policy(f"{prefix}:{data}", f"{prefix}:{called}")
        reduction = reduce_policy(document, with_events(management, services=(service(prefix),)))
        assert actions_of(reduction.document) == [f"{prefix}:{data}", f"{prefix}:{called}"]


def test_events_show_the_use_of_a_service_that_iam_does_not_report_yet() -> None:
    idle = service("s3", None)
    for document, more in (
        (policy("s3:GetObject", "s3:PutObject"), ()),
        (policy("*"), ("s3:GetObjectVersion", *UNREPORTED)),
    ):
        reduction = reduce_policy(document, with_events(event("GetObject"), services=(idle,)))
        assert actions_of(reduction.document) == ["s3:GetObject", *more]


@pytest.mark.parametrize(("code", "more"), [("NoSuchKey", ["s3:ListBucket"]), ("AccessDenied", []), ("", [])])
def test_an_object_that_does_not_exist_requires_to_list_the_bucket(code: str, more: list[str]) -> None:
    """Without s3:ListBucket, the application would get 403 instead of 404."""
    bucket = "arn:aws:s3:::reports"
    head = event("HeadObject", f"{bucket}/a", bucket, errorCode=code) if code else event("HeadObject")
    reported = with_events(event("GetObject", f"{bucket}/a", bucket), head, services=(service("s3"),))
    reduction = reduce_policy(policy("s3:GetObject", "s3:ListBucket", resource=[bucket, f"{bucket}/*"]), reported)
    assert actions_of(reduction.document) == ["s3:GetObject", *more]
    document: Any = reduction.document
    assert not more or bucket in document["Statement"][0]["Resource"]


def test_an_event_without_its_resource_keeps_the_resources() -> None:
    reported = with_events(event("GetObject", "arn:aws:s3:::reports/a"), event("GetObject"), services=(service("s3"),))
    before = policy("s3:GetObject")
    assert reduce_policy(before, reported).document == before


TABLES, FUNCTIONS = "arn:aws:dynamodb:eu-west-1:111122223333:table", "arn:aws:lambda:eu-west-1:111122223333:function"


@pytest.mark.parametrize(
    ("call", "arn", "allowed", "kept"),
    [
        ("dynamodb:Query", f"{TABLES}/orders", ["*"], [f"{TABLES}/orders", f"{TABLES}/orders/index/*"]),
        (
            "dynamodb:Scan",
            f"{TABLES}/orders",
            [f"{TABLES}/orders", f"{TABLES}/orders/index/by-*"],
            [f"{TABLES}/orders", f"{TABLES}/orders/index/by-*"],
        ),
        ("dynamodb:Query", f"{TABLES}/orders/index/by-day", ["*"], [f"{TABLES}/orders/index/by-day"]),
        ("dynamodb:GetItem", f"{TABLES}/orders", ["*"], [f"{TABLES}/orders"]),
        ("lambda:Invoke", f"{FUNCTIONS}:bill", [f"{FUNCTIONS}:*"], [f"{FUNCTIONS}:bill", f"{FUNCTIONS}:bill:*"]),
        ("lambda:Invoke", f"{FUNCTIONS}:bill:live", ["*"], [f"{FUNCTIONS}:bill:live"]),
    ],
)
def test_indexes_and_aliases_stay_because_events_do_not_show_them(
    call: str, arn: str, allowed: list[str], kept: list[str]
) -> None:
    """An event names the table of an index, and the function of an alias. IAM evaluates the index and the alias."""
    source, _, name = call.partition(":")
    action = "lambda:InvokeFunction" if name == "Invoke" else call
    reported = with_events(event(name, arn, source=f"{source}.amazonaws.com"), services=(service(source),))
    document: Any = reduce_policy(policy(action, resource=allowed), reported).document
    after = document["Statement"][0]["Resource"]
    assert (after if isinstance(after, list) else [after]) == kept


def test_resources_are_never_wider_than_before() -> None:
    reported = with_events(
        *(event("GetObject", f"arn:aws:s3:::reports/{name}") for name in ("a", "b")), services=(service("s3"),)
    )
    exact = ["arn:aws:s3:::reports/a", "arn:aws:s3:::reports/b*"]
    assert reduce_policy(policy("s3:GetObject", resource=exact), reported).document == policy(
        "s3:GetObject", resource=exact
    )


def test_a_service_whose_events_have_other_names_is_unknown() -> None:
    reported = with_events(event("CopyObject"), services=(service("s3"),))
    reduction = reduce_policy(policy("s3:PutObject", "s3:GetObject"), reported)
    assert actions_of(reduction.document) == ["s3:PutObject", "s3:GetObject"]
    assert [*reduction.unknown] == ["s3:PutObject", "s3:GetObject"]


def test_names_of_lambda_and_cloudwatch_events() -> None:
    seen = role_events(
        [
            event("GetFunction20150331v2", source="lambda.amazonaws.com"),
            event("Invoke", source="lambda.amazonaws.com"),
            event("PutMetricAlarm", source="monitoring.amazonaws.com"),
        ],
        ROLE,
        SINCE,
        TABLE,
    )
    assert {*seen.calls} == {"lambda:getfunction", "lambda:invokefunction", "cloudwatch:putmetricalarm"}
    assert not seen.unmapped


@pytest.mark.parametrize("events", [True, False])
def test_a_role_that_is_passed_leaves_no_trace(events: bool) -> None:
    """Neither IAM nor CloudTrail report it."""
    calls = event("RunInstances", source="ec2.amazonaws.com")
    services = (service("ec2"), service("iam", None))
    reported = with_events(calls, services=services) if events else evidence(*services)
    reduction = reduce_policy(policy("ec2:RunInstances", "iam:PassRole", "iam:GetRole"), reported)
    assert actions_of(reduction.document) == ["ec2:RunInstances", "iam:PassRole"]
    assert "iam:PassRole" in reduction.unknown


def test_permissions_for_parameters_of_other_calls_stay() -> None:
    called = (event("GetObject"), event("AssumeRole", source="sts.amazonaws.com"))
    services = (service("s3"), service("sts"), service("dynamodb", None))
    hidden = ("s3:GetObjectVersion", "s3:PutObjectAcl", "sts:TagSession")
    document = policy("s3:GetObject", "s3:GetBucketAcl", "sts:AssumeRole", *hidden, "dynamodb:PartiQLSelect")
    reduction = reduce_policy(document, with_events(*called, services=services))
    assert actions_of(reduction.document) == ["s3:GetObject", "sts:AssumeRole", *hidden]
    assert [*reduction.unknown] == [*hidden]


@pytest.mark.parametrize(
    ("source", "call", "others"),
    [
        ("s3", "GetObject", ["s3:GetObjectVersion"]),
        ("s3", "DeleteObject", ["s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"]),
        ("sts", "AssumeRole", ["sts:SetContext", "sts:SetSourceIdentity", "sts:TagSession"]),
        ("ec2", "RunInstances", ["ec2:CreateTags"]),
        ("sqs", "CreateQueue", ["sqs:TagQueue"]),
        ("sqs", "DeleteQueue", []),
    ],
)
def test_a_wildcard_keeps_the_permissions_for_parameters_of_its_calls(
    source: str, call: str, others: list[str]
) -> None:
    """S3 checks s3:GetObjectVersion for GetObject with a version, and logs GetObject."""
    events = event(call, source=f"{source}.amazonaws.com"), event("Other", source=f"{source}.amazonaws.com", role="x")
    reported = with_events(*events, services=(service(source),))
    reduction = reduce_policy(policy(f"{source}:*"), reported)
    assert sorted(actions_of(reduction.document)) == sorted([f"{source}:{call}", *others])
    assert sorted(reduction.unknown) == sorted(others)


@pytest.mark.parametrize(("used", "kept"), [(USED, True), (OLD, False)])
def test_iam_counts_calls_and_not_the_permissions_for_their_parameters(used: datetime, kept: bool) -> None:
    """RunInstances with tags requires ec2:CreateTags, and is no call of it."""
    ec2 = service("ec2", RunInstances=used, CreateTags=None, DescribeVpcs=USED)
    for granted in ("ec2:*", "ec2:CreateTags"):
        document = reduce_policy(policy(granted, "ec2:DescribeVpcs"), evidence(ec2)).document
        assert decide(json.dumps(document), "ec2:CreateTags", "*", {}).allowed is kept


@pytest.mark.parametrize("events", [True, False])
@pytest.mark.parametrize("used", [USED, None])
@pytest.mark.parametrize(
    ("granted", "kept"),
    [
        ("iam:*", "iam:PassRole"),
        ("iam:Pass*", "iam:PassRole"),
        ("rds-db:*", "rds-db:connect"),
        ("kafka-cluster:Connect", "kafka-cluster:Connect"),
        ("es:ESHttpGet", "es:ESHttpGet"),
    ],
)
def test_permissions_whose_use_is_not_reported_are_kept(
    granted: str, kept: str, used: datetime | None, events: bool
) -> None:
    """IAM reports calls of AWS APIs only, and a login to a database is none."""
    of = granted.partition(":")[0]
    services = (service("sqs"), service(of, used, **({"CreateUser": None} if of == "iam" else {})))
    calls = event("SendMessage", source="sqs.amazonaws.com")
    reported = with_events(calls, services=services) if events else evidence(*services)
    reduction = reduce_policy(policy("sqs:*", granted), reported)
    assert decide(json.dumps(reduction.document), kept, "*", {}).allowed
    assert not decide(json.dumps(reduction.document), "iam:CreateUser", "*", {}).allowed
    assert {kept, granted} & {*reduction.unknown}


def test_unreported_actions_of_patterns() -> None:
    assert unreported(("iam:*", "S3:*", "es:ESHttpGet", "iam:passrole", "eks:Describe*")) == (
        *("iam:PassRole", "es:ESHttpGet", "iam:passrole"),
    )
    assert unreported(("*",)) == UNREPORTED


def test_folding() -> None:
    assert fold(["arn:aws:s3:::b/x/1", "arn:aws:s3:::b/x/2", "arn:aws:s3:::b/y", "arn:aws:s3:::b"]) == (
        "arn:aws:s3:::b",
        "arn:aws:s3:::b/x/*",
        "arn:aws:s3:::b/y",
    )
    assert fold(["arn:aws:sqs:eu-west-1:1:a", "arn:aws:sqs:eu-west-1:1:b"]) == (
        "arn:aws:sqs:eu-west-1:1:a",
        "arn:aws:sqs:eu-west-1:1:b",
    )
    # a pattern would be every table and every key of the account
    tables = tuple(f"arn:aws:dynamodb:eu-west-1:1:table/{name}" for name in ("orders", "users"))
    assert fold(tables) == tables


SQS = sorted(item.name for item in TABLE.expand("sqs:*"))
PATTERNS = ("sqs:*", "sqs:Get*", "sqs:*Queue", "sqs:Send*", "sqs:???dMessage", "*", *SQS)


@given(
    granted=st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=4),
    used=st.sets(st.sampled_from(SQS)),
    tracked=st.sets(st.sampled_from(SQS)),
    events=st.booleans(),
    keep=st.sets(st.sampled_from(SQS), max_size=2),
    late=st.booleans(),
)
def test_used_actions_work_and_unused_ones_do_not(
    granted: list[str], used: set[str], tracked: set[str], events: bool, keep: set[str], late: bool
) -> None:
    """By the sandbox's evaluator, which is not podid's. IAM may report uses later than the events show them."""
    late &= events
    times = {name.partition(":")[2]: USED if name in used and not late else None for name in sorted(tracked)}
    calls = [event(name.partition(":")[2], source="sqs.amazonaws.com") for name in sorted(used)]
    sqs = service("sqs", USED if used and not late else None, **times)
    more = {"keep": tuple(sorted(keep))}
    reported = with_events(*calls, services=(sqs,), **more) if events else evidence(sqs, **more)
    before, after = policy(*granted), reduce_policy(policy(*granted), reported).document

    def allowed(document: Any, action: str) -> bool:
        return document is not None and decide(json.dumps(document), action, "*", {}).allowed

    creates = "sqs:CreateQueue" in used and (events or "sqs:CreateQueue" in tracked)
    for action in SQS:
        was, is_now = allowed(before, action), allowed(after, action)
        known = not used or events or action in tracked
        assert is_now <= was, action
        if action in used or action in keep:
            assert is_now == was, action
        elif action == "sqs:TagQueue" and (creates or (action in {*granted} - tracked and events and used)):
            # CreateQueue with tags requires it
            assert is_now == was, action
        elif known:
            assert not is_now, action
        else:
            assert is_now == was, action
    assert not allowed(after, "iam:CreateUser")
