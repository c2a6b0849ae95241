"""Statements that depend on unknown keys, and decide a request together."""

from collections import Counter
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.policy import policy_naive
from domain.policy.test_evaluate_properties import access_of
from harness import examples, table
from podid.domain.policy.evaluate import AccessVerdict, Layer, LayerKind, RoleAccess
from podid.domain.policy.session import RoleSession
from podid.domain.policy.statements import parse_permissions

ROLE = "arn:aws:iam::111122223333:role/orders"
OBJECT = "arn:aws:s3:::shop/a"
ALLOWED, DENIED, UNKNOWN = AccessVerdict.ALLOWED, AccessVerdict.DENIED, AccessVerdict.UNKNOWN
VPCE, MFA = "aws:SourceVpce", "aws:SourceVpc"


def statement(effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "s3:GetObject", "Resource": "*", "Condition": condition}


def equals(value: Any) -> dict[str, Any]:
    return statement(StringEquals={VPCE: value})


def differs(value: Any, effect: str = "Allow") -> dict[str, Any]:
    return statement(effect, StringNotEquals={VPCE: value})


def access(*statements: dict[str, Any]) -> RoleAccess:
    policy = parse_permissions("p", LayerKind.IDENTITY, {"Version": "2012-10-17", "Statement": list(statements)})
    return RoleAccess(RoleSession(role_arn=ROLE), (Layer(LayerKind.IDENTITY, "policy", (policy,)),))


@table(
    ("statements", "verdict"),
    [
        ([equals("a"), differs("a")], ALLOWED),
        ([equals(["a", "b"]), differs("a")], ALLOWED),
        ([equals("a"), differs(["a", "b"])], UNKNOWN),
        ([equals("a"), differs("b")], UNKNOWN),
        ([equals("a"), equals("b")], UNKNOWN),
        ([statement(StringLike={VPCE: "a*"}), statement(StringNotLike={VPCE: "a*"})], ALLOWED),
        ([statement(StringLike={VPCE: "a*"}), differs("a*")], UNKNOWN),
        ([statement(StringLike={VPCE: "a"}), differs("a")], ALLOWED),
        ([statement(Null={VPCE: "true"}), statement(Null={VPCE: "false"})], ALLOWED),
        ([statement(Null={VPCE: "true"}), equals("a")], UNKNOWN),
        # without the key, neither matches
        ([equals("a"), statement(StringEquals={VPCE: "b"})], UNKNOWN),
        ([statement(Bool={"x:flag": "true"}), statement(Bool={"x:flag": "false"})], UNKNOWN),
        ([statement(Bool={"x:flag": "true"}), statement(BoolIfExists={"x:flag": "false"})], ALLOWED),
        ([statement(StringEqualsIfExists={VPCE: "a"}), differs("a")], ALLOWED),
        # an allowed and a denied part
        ([statement(), differs("a", "Deny")], UNKNOWN),
        ([statement(), differs("a", "Deny"), statement("Deny", StringEquals={VPCE: "a"})], DENIED),
        ([equals("a"), differs("b", "Deny")], UNKNOWN),
        ([equals("a"), statement("Deny", StringEquals={VPCE: "a"})], DENIED),
        # no value fulfils both conditions
        ([statement(StringEquals={VPCE: "a"}, StringNotEquals={VPCE: "a"})], DENIED),
        ([statement(StringEquals={VPCE: "a"}, Null={VPCE: "true"})], DENIED),
        # two keys
        ([statement(StringEquals={VPCE: "a", MFA: "b"}), differs("a"), statement(StringNotEquals={MFA: "b"})], ALLOWED),
        ([statement(StringEquals={VPCE: "a", MFA: "b"}), differs("a")], UNKNOWN),
        # sets and orders are not compared
        ([equals("a") | {"Condition": {"ForAnyValue:StringEquals": {VPCE: "a"}}}, differs("a")], UNKNOWN),
        ([statement(NumericLessThan={"n:count": "5"}), statement(NumericGreaterThanEquals={"n:count": "5"})], UNKNOWN),
        # more values than are tried
        ([equals([str(n) for n in range(9)]), differs([str(n) for n in range(9)])], UNKNOWN),
    ],
)
def test_conditions_of_several_statements(statements: list[dict[str, Any]], verdict: AccessVerdict) -> None:
    assert access(*statements).ruling("s3:GetObject", OBJECT).verdict is verdict
    # whether a pattern of resources is empty is not derived
    assert access(*statements).ruling("s3:GetObject").verdict in (verdict, UNKNOWN if verdict is DENIED else verdict)


def test_the_reason_names_the_statements() -> None:
    ruling = access(equals("a"), differs("a")).ruling("s3:GetObject", OBJECT)
    assert ruling.reason == "p, Statement[0], p, Statement[1] allow it together"
    contradiction = statement(StringEquals={VPCE: "a"}, StringNotEquals={VPCE: "a"})
    assert access(contradiction).ruling("s3:GetObject", OBJECT).reason == "p, Statement[0] allow no request together"


def test_a_variable_without_a_value_in_a_deny_statement() -> None:
    allow, own = statement(), "arn:aws:s3:::shop/${aws:PrincipalTag/none}/*"
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": own}
    policy = parse_permissions("p", LayerKind.IDENTITY, {"Version": "2012-10-17", "Statement": [allow, deny]})
    untagged = RoleAccess(RoleSession(role_arn=ROLE, role_tags={}), (Layer(LayerKind.IDENTITY, "policy", (policy,)),))
    for session in (untagged, access(allow, deny | {"Resource": "arn:aws:s3:::shop/${aws:username}/*"})):
        assert session.ruling("s3:GetObject", "arn:aws:s3:::shop/x/a").verdict is ALLOWED
        assert session.ruling("s3:GetObject").verdict is ALLOWED
    excepted = {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::shop/${aws:username}/*"}
    assert access(allow, excepted).ruling("s3:GetObject", "arn:aws:s3:::shop/x/a").verdict is UNKNOWN


# the values of two keys that podid does not know
VALUES: dict[str, list[str | None]] = {"aws:sourcevpce": [None, "a", "b", "ab"], "aws:sourcevpc": [None, "a", "b"]}
OPERATORS = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"]
blocks = st.dictionaries(
    st.sampled_from([*OPERATORS, "StringEqualsIfExists", "StringNotLikeIfExists"]),
    st.dictionaries(st.sampled_from([VPCE, MFA]), st.sampled_from(["a", "b", "A", "a*", ["a", "b"]]), min_size=1),
    min_size=1,
    max_size=2,
)
nulls = st.fixed_dictionaries(
    {"Null": st.dictionaries(st.sampled_from([VPCE, MFA]), st.sampled_from(["true", "false"]), min_size=1)}
)
conditional = st.builds(
    lambda effect, condition: statement(effect, **condition),
    st.sampled_from(["Allow", "Allow", "Deny"]),
    blocks | nulls,
)
documents = st.lists(conditional, min_size=1, max_size=4).map(lambda s: {"Version": "2012-10-17", "Statement": s})
answers: Counter[AccessVerdict] = Counter()


@settings(max_examples=examples(200))
@given(st.lists(st.lists(documents, min_size=1, max_size=1), min_size=1, max_size=2))
def test_a_decision_holds_for_all_values(layers: list[list[dict[str, Any]]]) -> None:
    answer = access_of(layers, RoleSession(role_arn=ROLE)).ruling("s3:GetObject", OBJECT).verdict
    answers[answer] += 1
    for values in product(*VALUES.values()) if answer is not UNKNOWN else ():
        sent = {key: None if value is None else [value] for key, value in zip(VALUES, values, strict=True)}
        expected = policy_naive.allowed(layers, "s3:GetObject", OBJECT, sent)
        assert answer is (ALLOWED if expected else DENIED), sent


def test_enough_cases_were_decided() -> None:
    if answers:  # not if only this test is run
        assert all(answers[verdict] >= 2 for verdict in AccessVerdict), answers
