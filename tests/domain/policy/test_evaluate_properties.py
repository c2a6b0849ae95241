"""What must hold for all policies: a second evaluator agrees, and what podid lists is what it allows."""

from collections import Counter
from datetime import UTC, datetime
from itertools import product
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.policy import policy_naive
from harness import examples
from podid.domain import wildcards
from podid.domain.policy.evaluate import AccessVerdict, Layer, LayerKind, RoleAccess
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import parse_permissions
from podid.domain.trust import PodIdentity

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/orders"
NOW = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
POD = PodIdentity(f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/demo", "shop", "orders")
GIVEN = {"aws:sourceip": ["10.0.0.7"], "s3:prefix": ["shop/"], "ec2:vpcs": ["a", "b"], "n:count": ["5"]}
SESSION = RoleSession(
    role_arn=ROLE,
    role_tags={"team": "Shop"},
    pod=POD,
    region="eu-west-1",
    now=NOW,
    specified={key: tuple(values) for key, values in GIVEN.items()},
)
# the same as a table; None for a key that such a session never has
TABLE: dict[str, list[str] | None] = {
    **GIVEN,
    "aws:principalarn": [ROLE],
    "aws:principalaccount": [ACCOUNT],
    "aws:principaltag/team": ["Shop"],
    "aws:principaltag/kubernetes-namespace": ["shop"],
    "aws:principaltag/kubernetes-service-account": ["orders"],
    "aws:principaltag/eks-cluster-name": ["demo"],
    "aws:principaltag/none": None,
    "aws:securetransport": ["true"],
    "aws:currenttime": ["2026-11-24T16:00:00+00:00"],
    "aws:username": None,
    "aws:sourcearn": None,
}
ACTIONS = ("s3:GetObject", "s3:PutObject", "sqs:SendMessage", "iam:PassRole")
RESOURCES = (
    "arn:aws:s3:::shop/a",
    "arn:aws:s3:::shop/orders/b",
    "arn:aws:s3:::other/a",
    f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders",
    f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders",
    ROLE,
    "*",
)
_patterns = f"""* * * arn:aws:s3:::shop/* arn:aws:s3:::shop/orders/* arn:aws:s3:::* arn:aws:s3:::s?op/a arn:aws:s3:::*/a
arn:aws:sqs:*:*:orders arn:aws:sqs:eu-west-1:{ACCOUNT}:* arn:aws:sqs:*:{ACCOUNT}:ord* {ROLE} arn:aws:iam::*:role/*
arn:aws:s3:::${{aws:PrincipalTag/kubernetes-namespace}}/*
arn:aws:s3:::shop/${{aws:PrincipalTag/kubernetes-service-account}}/*
arn:aws:s3:::${{aws:principaltag/TEAM}}/* arn:aws:s3:::SHOP/*"""
patterns = st.sampled_from(_patterns.split())
action_patterns = st.sampled_from(
    ["*", "s3:*", "S3:GET*", "s3:?etObject", "sqs:SendMessage", "sqs:*", "iam:PassRole", *ACTIONS, "kms:*"]
)
texts = st.sampled_from(["shop", "Shop", "sh*", "*", "orders", "demo", ROLE, "${aws:PrincipalTag/team}", "10.0.0.7"])
_strings = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"]
_strings += ["StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"]
DATES = ["2020-01-01", "2026-11-24T16:00:00Z", "2030-01-01"]
_one_value = [key for key in TABLE if key not in ("ec2:vpcs", "aws:currenttime", "n:count")]


def listed(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=3)


def block(operators: list[str], keys: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    inner = st.dictionaries(st.sampled_from(keys), listed(values), min_size=1, max_size=2)
    return st.dictionaries(st.sampled_from(operators), inner, min_size=1, max_size=1)


_orders = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
_arns = ["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"]


def optional(*operators: str) -> list[str]:
    return [*operators, *(f"{name}IfExists" for name in operators)]


conditions = st.one_of(
    st.just({}),
    block(optional(*_strings), _one_value, texts),
    block(
        [f"{each}:{name}" for each in ("ForAllValues", "ForAnyValue") for name in _strings],
        ["ec2:vpcs"],
        st.sampled_from(["a", "b", "c*", "?"]),
    ),
    block(["Null"], list(TABLE), st.sampled_from(["true", "false"])),
    block(optional("Bool"), ["aws:SecureTransport", "aws:username"], st.sampled_from(["true", "false"])),
    block(optional(*(f"Numeric{name}" for name in _orders)), ["n:count"], st.sampled_from(["4", "5", "6"])),
    block(optional(*(f"Date{name}" for name in _orders)), ["aws:CurrentTime"], st.sampled_from(DATES)),
    block(optional(*_arns), ["aws:PrincipalArn", "aws:SourceArn"], st.sampled_from([ROLE, "arn:aws:iam::*:role/o*"])),
    block(optional("IpAddress", "NotIpAddress"), ["aws:SourceIp"], st.sampled_from(["10.0.0.0/8", "192.0.2.0/24"])),
    block(optional("BinaryEquals"), ["s3:prefix", "aws:username"], st.sampled_from(["c2hvcC8=", "c2hvcA=="])),
)


@st.composite
def statements(draw: st.DrawFn, allows: bool = True) -> dict[str, Any]:
    effect = draw(st.sampled_from(["Allow", "Allow", "Deny"])) if allows else "Allow"
    return {
        "Effect": effect,
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(listed(action_patterns)),
        draw(st.sampled_from(["Resource", "Resource", "NotResource"])): draw(listed(patterns)),
        "Condition": draw(conditions),
    }


documents = st.fixed_dictionaries(
    {"Version": st.just("2012-10-17"), "Statement": st.lists(statements(), min_size=1, max_size=4)}
)
Layers = list[list[dict[str, Any]]]
KINDS = (LayerKind.IDENTITY, LayerKind.BOUNDARY, LayerKind.SESSION)
layered = st.lists(st.lists(documents, min_size=1, max_size=2), min_size=1, max_size=2) | st.lists(
    documents.map(lambda document: [document]), min_size=1, max_size=3
)
decided: Counter[AccessVerdict] = Counter()


def access_of(layers: Layers, session: RoleSession = SESSION) -> RoleAccess:
    return RoleAccess(
        session,
        tuple(
            Layer(kind, kind.value, tuple(parse_permissions(f"{kind}{n}", kind, item) for n, item in enumerate(layer)))
            for kind, layer in zip(KINDS, layers, strict=False)
        ),
    )


@settings(max_examples=examples(100))
@given(layered)
def test_a_second_evaluator_agrees(layers: Layers) -> None:
    """Every key has a value, or such a session never has it, so nothing is unknown."""
    access = access_of(layers)
    for action, resource in product(ACTIONS, RESOURCES):
        ruling = access.ruling(action, resource)
        expected = policy_naive.allowed(layers, action, resource, TABLE)
        assert ruling.verdict is (AccessVerdict.ALLOWED if expected else AccessVerdict.DENIED), (
            action,
            resource,
            ruling,
        )
        decided[ruling.verdict] += 1


def test_enough_cases_were_decided_both_ways() -> None:
    if decided:  # not if only this test is run
        assert decided[AccessVerdict.ALLOWED] >= 300, decided
        assert decided[AccessVerdict.DENIED] >= 300, decided


UNKNOWN = {"aws:sourceip": [None, "10.0.0.7", "192.0.2.9"], "s3:prefix": [None, "shop", "demo"]}


@settings(max_examples=examples(50))
@given(layered)
def test_a_decision_does_not_depend_on_values_that_are_not_known(layers: Layers) -> None:
    given_values = {key: value for key, value in SESSION.specified.items() if key not in UNKNOWN}
    access = access_of(
        layers, RoleSession(role_arn=ROLE, role_tags={"team": "Shop"}, pod=POD, now=NOW, specified=given_values)
    )
    for action, resource in product(ACTIONS, RESOURCES):
        answer = access.ruling(action, resource).verdict
        if answer is AccessVerdict.UNKNOWN:
            continue
        for values in product(*UNKNOWN.values()):
            sent = {key: None if value is None else [value] for key, value in zip(UNKNOWN, values, strict=True)}
            expected = policy_naive.allowed(layers, action, resource, {**TABLE, **sent})
            assert answer is (AccessVerdict.ALLOWED if expected else AccessVerdict.DENIED), (action, resource, sent)


@settings(max_examples=examples(100))
@given(layered)
@example([[{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "NotResource": "*"}]}]])
def test_the_listed_resources_are_those_that_are_allowed(layers: Layers) -> None:
    access = access_of(layers)
    for action in ACTIONS:
        of_any = access.ruling(action)
        allowed = [
            resource for resource in RESOURCES if access.ruling(action, resource).verdict is AccessVerdict.ALLOWED
        ]
        if of_any.verdict is AccessVerdict.DENIED:
            assert not allowed, (action, of_any)
        for resource in allowed:
            assert any(
                wildcards.matches(wildcards.pattern(text), resource) for text in (*of_any.resources, *of_any.unclear)
            ), of_any
        if of_any.verdict is AccessVerdict.ALLOWED:
            for text in of_any.resources:
                assert access.ruling(action, text).verdict is not AccessVerdict.DENIED, (action, text, of_any)


@settings(max_examples=examples(50))
@given(layered, patterns.filter(lambda text: "${" not in text and text != "*"))
def test_a_pattern_is_allowed_only_if_all_of_its_resources_are(layers: Layers, text: str) -> None:
    access = access_of(layers)
    for action in ACTIONS:
        answer = access.ruling(action, text).verdict
        for resource in RESOURCES:
            if wildcards.matches(wildcards.pattern(text), resource) and answer is not AccessVerdict.UNKNOWN:
                assert access.ruling(action, resource).verdict is answer, (action, text, resource)
