"""What must hold for every policy: built statements, edits, printing, garbage, and a second evaluator's opinion."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.trust import trust_naive
from domain.trust.trust_helpers import ACCOUNT, BASE_ROLE, BOTH, CLUSTER, EXTERNAL_ID, NOW, PODS, verdicts
from harness import examples
from podid.domain.encoding import encode
from podid.domain.trust import (
    PodIdentity,
    Policy,
    ScopeKind,
    TargetHop,
    TrustPolicyError,
    TrustVerdict,
    add,
    evaluate,
    new_policy,
    parse_policy,
    policy_size,
    remove,
    tighten,
)
from podid.render.trust import TrustBody

SCOPES = [ScopeKind.SERVICE_ACCOUNT, ScopeKind.NAMESPACE, ScopeKind.CLUSTER, ScopeKind.ACCOUNT]
NO_QUOTA = 10**6

accounts = st.sampled_from([ACCOUNT, "444455556666"])
partitions = st.sampled_from(["aws", "aws-cn", "aws-us-gov"])
names = st.sampled_from(["a", "b", "shop", "shop-2", "orders", "x.y"])


@st.composite
def identities(draw: st.DrawFn, tags: bool | None = True) -> PodIdentity:
    cluster = f"arn:{draw(partitions)}:eks:eu-west-1:{draw(accounts)}:cluster/{draw(names).replace('.', '-')}"
    tagged = draw(st.booleans()) if tags is None else tags
    return PodIdentity(cluster, draw(names).replace(".", "-"), draw(names), session_tags=tagged)


# Keys with the values of one request; None for a key that is not sent.
IDENTITY = PodIdentity(CLUSTER, "shop", "orders", now=NOW, role_tags={"team": "Shop", "n": "5"})
TAGS = {
    "eks-cluster-arn": [CLUSTER],
    "eks-cluster-name": ["demo"],
    "kubernetes-namespace": ["shop"],
    "kubernetes-service-account": ["orders"],
}
SINGLE: dict[str, list[str] | None] = {
    "aws:sourcearn": [CLUSTER],
    "aws:sourceaccount": [ACCOUNT],
    "aws:resourcetag/team": ["Shop"],
    "aws:resourcetag/n": ["5"],
    "sts:externalid": None,
    "aws:principalarn": None,
    "aws:requesttag/team": None,
    "aws:username": None,
} | {f"aws:requesttag/{key}": value for key, value in TAGS.items()}
TABLE = SINGLE | {
    "aws:principalisawsservice": ["true"],
    "aws:currenttime": ["2026-11-24T16:00:00+00:00"],
    "aws:epochtime": [str(int(NOW.timestamp()))],
    "aws:tagkeys": [*TAGS, "kubernetes-pod-name", "kubernetes-pod-uid"],
    "aws:principaltag/x": None,
}
UNTAGGED_TABLE = TABLE | dict.fromkeys((f"aws:requesttag/{key}" for key in TAGS), None) | {"aws:tagkeys": None}
HOP_TABLE = (
    TABLE
    | {
        "aws:sourcearn": None,
        "aws:sourceaccount": None,
        "aws:principalisawsservice": ["false"],
        "aws:principalarn": [BASE_ROLE],
        "sts:externalid": [EXTERNAL_ID],
        "aws:resourcetag/team": ["Shop"],
        "aws:requesttag/team": None,
        "aws:tagkeys": None,
    }
    | dict.fromkeys((f"aws:requesttag/{key}" for key in TAGS), None)
)

_texts = """shop Shop sh* s?op * orders arn:aws:eks:*:*:cluster/* arn:*:*:*:*:*/demo 5 demo ${*} sh${?}p ${$}
${aws:RequestTag/kubernetes-namespace} ${aws:PrincipalTag/x} arn:aws:eks:*:${aws:SourceAccount}:cluster/demo
arn:aws:eks:* eks-cluster-arn kubernetes-* a:b:c:d:e:f arn:aws:eks:*:*:*de* a${aws:PrincipalTag/x}"""
texts = st.sampled_from(
    [*_texts.split(), "", "${aws:PrincipalTag/x, 'shop'}", CLUSTER, ACCOUNT, BASE_ROLE, EXTERNAL_ID]
)
_negations = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"]
# ForAnyValue with IfExists is left out: podid calls it unknown on an absent key.
set_operators = st.sampled_from([("", ""), ("", ""), ("", "IfExists"), ("ForAllValues:", ""), ("ForAnyValue:", "")])
string_operators = st.builds(
    lambda around, name: name.join(around),
    set_operators,
    st.sampled_from([*_negations, "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"]),
)
arn_operators = st.builds(
    lambda around, name: name.join(around),
    set_operators,
    st.sampled_from(["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"]),
)
_orders = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
numbers = st.sampled_from(["4", "5", "5.0", 5, 6, "-1"])
dates = st.sampled_from(
    ["2026-11-24T16:00:00Z", "2026-11-24T18:00:00+02:00", "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "1795536000"]
)


def listed(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=3)


def block(operators: st.SearchStrategy[str], keys: list[str], values: st.SearchStrategy[Any]) -> Any:
    return st.dictionaries(
        operators, st.dictionaries(st.sampled_from(keys), listed(values), min_size=1, max_size=2), max_size=2
    )


def merged(blocks: list[Mapping[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for each in blocks:
        for operator, keys in each.items():
            result[operator] = result.get(operator, {}) | keys
    return result


many = st.sampled_from(["ForAllValues:StringLike", "ForAnyValue:StringEquals", "ForAnyValue:StringNotLike"])
conditions = st.lists(
    st.one_of(
        block(string_operators, list(SINGLE), texts),
        block(arn_operators, ["aws:SourceArn", "aws:PrincipalArn"], texts.filter(lambda text: text != "*")),
        block(st.sampled_from(["Null"]), list(TABLE), st.sampled_from(["true", "false", True, False])),
        block(
            st.sampled_from(["Bool", "BoolIfExists"]), ["aws:PrincipalIsAWSService"], st.sampled_from(["true", False])
        ),
        block(st.builds("Numeric{}".format, st.sampled_from(_orders)), ["aws:ResourceTag/n"], numbers),
        block(st.builds("Date{}".format, st.sampled_from(_orders)), ["aws:CurrentTime", "aws:EpochTime"], dates),
        block(st.sampled_from(["BinaryEquals"]), ["aws:ResourceTag/team"], st.sampled_from(["U2hvcA==", "c2hvcA=="])),
        block(many, ["aws:TagKeys"], texts),
    ),
    max_size=2,
).map(merged)
principals = st.sampled_from(
    [
        {"Service": PODS},
        {"AWS": BASE_ROLE},
        {"Service": [PODS, "ec2.amazonaws.com"], "AWS": [BASE_ROLE]},
        {"Service": "ec2.amazonaws.com"},
    ]
)
actions = st.sampled_from([BOTH, "sts:*", "sts:AssumeRole", ["sts:tagsession"], "*", "sts:Assume?ole", []])
statements = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Allow", "Allow", "Deny"]), "Principal": principals, "Action": actions},
    optional={"Condition": conditions},
)
documents = st.fixed_dictionaries(
    {
        "Version": st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"]),
        "Statement": statements | st.lists(statements, min_size=1, max_size=4),
    }
)
REQUESTS: list[tuple[PodIdentity | TargetHop, Mapping[str, Any], tuple[str, str]]] = [
    (IDENTITY, TABLE, ("Service", PODS)),
    (replace(IDENTITY, session_tags=False), UNTAGGED_TABLE, ("Service", PODS)),
    (
        TargetHop(
            BASE_ROLE, replace(IDENTITY, session_tags=False, role_tags={}), EXTERNAL_ID, {"team": "Shop", "n": "5"}
        ),
        HOP_TABLE,
        ("AWS", BASE_ROLE),
    ),
]


@settings(max_examples=examples(250))
@given(documents, st.sampled_from(REQUESTS))
def test_a_second_evaluator_agrees(document: dict[str, Any], case: Any) -> None:
    request, table, principal = case
    found = evaluate(parse_policy(document), request)
    for verdict in (found.assume_role, found.tag_session):
        expected = trust_naive.lets_in(document, principal, verdict.action, table)
        assert verdict.verdict is (TrustVerdict.MATCH if expected else TrustVerdict.NO_MATCH), verdict


@given(identities(), identities(), st.sampled_from(SCOPES))
def test_a_new_statement_matches_its_scope_only(identity: PodIdentity, other: PodIdentity, scope: ScopeKind) -> None:
    def shared(member: PodIdentity) -> list[str]:
        parts = [member.account, member.cluster_arn, member.namespace, member.service_account]
        return parts[: len(SCOPES) - SCOPES.index(scope)]

    built = new_policy(identity, scope)
    assert evaluate(built, identity).verdict is TrustVerdict.MATCH
    expected = TrustVerdict.MATCH if shared(identity) == shared(other) else TrustVerdict.NO_MATCH
    assert evaluate(built, other).verdict is expected


@given(identities(tags=False), identities(tags=None))
def test_without_session_tags_the_cluster_is_the_limit(identity: PodIdentity, other: PodIdentity) -> None:
    assert "aws:RequestTag" not in new_policy(identity).to_json()
    same = identity.cluster_arn == other.cluster_arn
    assert evaluate(new_policy(identity), other).verdict is (TrustVerdict.MATCH if same else TrustVerdict.NO_MATCH)


@given(documents, identities(tags=None), st.sampled_from(SCOPES))
@example(
    {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": PODS}, "Action": BOTH},
            {
                "Effect": "Deny",
                "Principal": {"Service": PODS},
                "Action": BOTH,
                "Condition": {"DateEquals": {"aws:CurrentTime": "2026-11-24T16:00:00Z"}},
            },
        ]
    },
    PodIdentity(CLUSTER, "shop", "orders"),
    ScopeKind.SERVICE_ACCOUNT,
)
@example(
    {
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": PODS},
            "Action": BOTH,
            "Condition": {"StringNotEquals": {"aws:requesttag/kubernetes-namespace": "shop"}},
        }
    },
    PodIdentity(CLUSTER, "a", "a", session_tags=False),
    ScopeKind.SERVICE_ACCOUNT,
)
def test_add_is_idempotent_and_lets_in(document: dict[str, Any], identity: PodIdentity, scope: ScopeKind) -> None:
    edit = add(parse_policy(document), identity, scope)
    again = add(edit.policy, identity, scope)
    assert (again.policy, again.changed) == (edit.policy, False)
    if edit.changed:
        assert edit.size == policy_size(edit.policy)
        assert evaluate(edit.policy, identity).verdict is not TrustVerdict.NO_MATCH


@given(documents, identities(tags=None), identities(tags=None), st.lists(identities(tags=None), max_size=5))
def test_add_is_commutative_in_effect(
    document: dict[str, Any], one: PodIdentity, two: PodIdentity, others: list[PodIdentity]
) -> None:
    def added(*order: PodIdentity) -> Policy:
        policy = parse_policy(document)
        for identity in order:
            policy = add(policy, identity).policy
        return policy

    for request in [one, two, *others]:
        assert verdicts(evaluate(added(one, two), request)) == verdicts(evaluate(added(two, one), request))


@given(documents, identities(tags=None), st.sampled_from(SCOPES))
def test_add_then_remove_is_identity(document: dict[str, Any], identity: PodIdentity, scope: ScopeKind) -> None:
    before = parse_policy(document)
    edit = add(before, identity, scope)
    if edit.changed:
        after = remove(edit.policy, identity, scope).policy
        assert json.dumps(after.to_document()) == json.dumps(before.to_document())


@given(documents, st.lists(identities(tags=None), min_size=1, max_size=3), st.sampled_from(SCOPES))
def test_edits_leave_other_principals_and_statements_alone(
    document: dict[str, Any], chosen: list[PodIdentity], scope: ScopeKind
) -> None:
    before = parse_policy(document)
    hop = REQUESTS[2][0]
    edits = [add(before, chosen[0], scope), remove(before, chosen[0], scope), tighten(before, chosen)]
    for edit in edits:
        assert verdicts(evaluate(edit.policy, hop)) == verdicts(evaluate(before, hop))
        left, kept = (
            [s.raw for s in policy.statements if not (s.allow and s.principals == (("Service", PODS),))]
            for policy in (before, edit.policy)
        )
        assert left == kept


@settings(max_examples=examples(75))
@given(
    documents,
    st.lists(identities(tags=None), min_size=1, max_size=3),
    st.lists(identities(tags=None), max_size=5),
    st.sampled_from(SCOPES),
)
def test_tighten_keeps_those_named_and_lets_nobody_new_in(
    document: dict[str, Any], chosen: list[PodIdentity], others: list[PodIdentity], scope: ScopeKind
) -> None:
    before = add(parse_policy(document), chosen[0], scope).policy
    edit = tighten(before, chosen)
    for identity in chosen:
        assert verdicts(evaluate(edit.policy, identity)) == verdicts(evaluate(before, identity))
    for other in others:
        if evaluate(before, other).verdict is TrustVerdict.NO_MATCH:
            assert evaluate(edit.policy, other).verdict is TrustVerdict.NO_MATCH
    if edit.changed:
        assert not tighten(edit.policy, chosen).changed


@given(documents, st.sampled_from([None, 2]), st.sampled_from(["utf-8", None]))
def test_parse_and_print_are_inverse(document: dict[str, Any], indent: int | None, encoding: str | None) -> None:
    text = json.dumps(document, indent=indent)
    parsed = parse_policy(text.encode(encoding) if encoding else text)
    assert json.dumps(parsed.to_document()) == json.dumps(document)
    assert parse_policy(parsed.to_json()) == parsed == parse_policy(parsed.to_document())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
member_names = st.sampled_from(["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Condition", "X"])
garbage = st.one_of(
    st.text(),
    st.binary(),
    json_values.map(json.dumps),
    st.fixed_dictionaries({"Statement": json_values}),
    st.fixed_dictionaries({"Statement": st.lists(st.dictionaries(member_names, json_values, max_size=5), max_size=2)}),
)
odd_texts = st.text(alphabet="${}*?:,'aws shop/\n\ue000", max_size=12)
odd_conditions = st.dictionaries(
    st.sampled_from(
        ["StringLike", "ArnLike", "Bool", "Null", "DateEquals", "IpAddress", "BinaryEquals", "NumericEquals"]
    )
    | odd_texts,
    st.dictionaries(st.sampled_from([*TABLE, "sts:RoleSessionName"]) | odd_texts, listed(odd_texts), max_size=2),
    max_size=2,
)


@settings(max_examples=examples(100))
@given(garbage)
@example("%")
@example("%7B%22Statement%22%3A%7B%7D%7D")
def test_garbage_is_refused_or_parsed_but_never_matches(document: str | bytes | dict[str, Any]) -> None:
    try:
        parsed = parse_policy(document)
    except TrustPolicyError:
        return
    assert evaluate(parsed, IDENTITY).verdict is not TrustVerdict.MATCH


@settings(max_examples=examples(100))
@given(odd_conditions, st.sampled_from([request for request, _, _ in REQUESTS]))
def test_odd_conditions_never_crash(condition: dict[str, Any], request_: PodIdentity | TargetHop) -> None:
    raw = {"Effect": "Allow", "Principal": {"Service": PODS, "AWS": BASE_ROLE}, "Action": BOTH, "Condition": condition}
    parsed = parse_policy({"Version": "2012-10-17", "Statement": raw})
    body: Any = encode(TrustBody, evaluate(parsed, request_))
    assert body["actions"]["sts:AssumeRole"]["verdict"] in ("match", "no-match", "unknown")
    assert all(finding["message"] for finding in body["findings"])


@pytest.mark.parametrize("size", [10, 2000])
def test_a_pattern_of_many_stars_takes_no_time(size: int) -> None:
    condition = {"StringLike": {"aws:SourceArn": "*a" * size + "b"}}
    raw = {"Effect": "Allow", "Principal": {"Service": PODS}, "Action": BOTH, "Condition": condition}
    assert evaluate(parse_policy({"Statement": raw}), IDENTITY).verdict is TrustVerdict.NO_MATCH
