"""Verdicts with known answers: principals, actions, every operator, every kind of key, both hops."""

from dataclasses import replace
from typing import Any

from domain.trust.trust_helpers import (
    ACCOUNT,
    BASE_ROLE,
    BOTH,
    HOP,
    IDENTITY,
    LIVE_PODS,
    MATCH,
    NO,
    NS,
    OIDC_ID,
    PODS,
    UNKNOWN,
    policy,
    statement,
    verdicts,
)
from harness import table
from podid.domain.trust import TrustVerdict, evaluate
from podid.domain.trust.evaluate import combined


@table(
    ("principal", "expected"),
    [
        ({"Service": PODS}, MATCH),
        ({"Service": ["ec2.amazonaws.com", PODS]}, MATCH),
        ({"AWS": "*", "Service": PODS}, MATCH),
        ({"Service": "ec2.amazonaws.com"}, NO),
        ({"Service": "eks.amazonaws.com"}, NO),
        ({"Service": PODS + ".cn"}, NO),
        ({"Service": "Pods.eks.amazonaws.com"}, NO),
        ({"Service": "pods.eks.*"}, NO),
        ({"Service": []}, NO),
        ({}, NO),
        ({"AWS": PODS}, NO),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, NO),
        ({"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{OIDC_ID}"}, NO),
        ({"CanonicalUser": "abc"}, NO),
        ("*", UNKNOWN),
        ({"AWS": "*"}, UNKNOWN),
        ({"Service": "*"}, UNKNOWN),
        ({"Robot": PODS}, UNKNOWN),
    ],
)
def test_principals_at_hop_1(principal: Any, expected: str) -> None:
    assert verdicts(evaluate(policy(statement(Principal=principal)), IDENTITY)) == (expected, expected)


@table(
    ("principal", "expected"),
    [
        ({"AWS": BASE_ROLE}, MATCH),
        ({"AWS": ACCOUNT}, MATCH),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, MATCH),
        ({"AWS": ["arn:aws:iam::999999999999:root", BASE_ROLE]}, MATCH),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/orders-base"}, NO),
        ({"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"}, NO),
        ({"AWS": "999999999999"}, NO),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:role/*"}, NO),
        ({"AWS": "AROAEXAMPLE1234567890"}, NO),
        ({"Service": PODS}, NO),
        ({"Service": "*"}, NO),
        ({"Federated": BASE_ROLE}, NO),
        ({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/other/eks-demo-x"}, NO),
        ({"AWS": f"arn:aws:sts::{ACCOUNT}:assumed-role/orders-base/eks-demo-x"}, UNKNOWN),
        ({"AWS": "*"}, MATCH),
        ("*", MATCH),
    ],
)
def test_principals_at_hop_2(principal: Any, expected: str) -> None:
    assert verdicts(evaluate(policy(statement(Principal=principal)), HOP)) == (expected, expected)


@table(
    ("members", "expected"),
    [
        ({"Action": BOTH}, (MATCH, MATCH)),
        ({"Action": "sts:AssumeRole"}, (MATCH, NO)),
        ({"Action": ["sts:TagSession"]}, (NO, MATCH)),
        ({"Action": "STS:assumerole"}, (MATCH, NO)),
        ({"Action": "sts:*"}, (MATCH, MATCH)),
        ({"Action": "*"}, (MATCH, MATCH)),
        ({"Action": "sts:Assume*"}, (MATCH, NO)),
        ({"Action": "sts:TagSessio?"}, (NO, MATCH)),
        ({"Action": "sts:AssumeRoleWithWebIdentity"}, (NO, NO)),
        ({"Action": "sts:AssumeRole?"}, (NO, NO)),
        ({"Action": []}, (NO, NO)),
        ({"Action": None, "NotAction": "sts:GetCallerIdentity"}, (UNKNOWN, UNKNOWN)),
        ({"Action": None, "NotAction": "sts:TagSession"}, (UNKNOWN, UNKNOWN)),
        ({"Principal": None, "NotPrincipal": {"AWS": "1"}}, (UNKNOWN, UNKNOWN)),
        ({"Principal": None, "NotPrincipal": {"AWS": "1"}, "Action": "sts:AssumeRole"}, (UNKNOWN, NO)),
        ({"Resource": "*"}, (UNKNOWN, UNKNOWN)),
        ({"Resource": "*", "Action": "sts:AssumeRole"}, (UNKNOWN, NO)),
    ],
)
def test_actions_each_on_its_own(members: dict[str, Any], expected: tuple[str, str]) -> None:
    assert verdicts(evaluate(policy(statement(**members)), IDENTITY)) == expected


def test_the_two_actions_may_come_from_two_statements() -> None:
    two = policy(statement(Action="sts:AssumeRole"), statement(Sid="Tags", Action="sts:TagSession"))
    evaluation = evaluate(two, IDENTITY)
    assert (evaluation.assume_role.statement, evaluation.assume_role.sid) == (0, "")
    assert (evaluation.tag_session.statement, evaluation.tag_session.sid) == (1, "Tags")
    assert evaluation.verdict is TrustVerdict.MATCH


@table(
    ("statements", "expected"),
    [
        ([statement(), statement(Effect="Deny")], NO),
        ([statement(Effect="Deny"), statement()], NO),
        ([statement(), statement({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, Effect="Deny")], MATCH),
        ([statement(), statement({"StringNotEquals": {"aws:SourceAccount": "2"}}, Effect="Deny")], NO),
        ([statement(), statement({"StringEquals": {"aws:Foo": "1"}}, Effect="Deny")], UNKNOWN),
        ([statement(), statement(Effect="Deny", Principal={"Service": "*"})], UNKNOWN),
        ([statement(), statement({"Bool": {NS: "x"}}, Effect="Deny", Principal={"AWS": "1"})], MATCH),
        ([statement(Principal={"AWS": "1"}), statement({"StringEquals": {"aws:Foo": "1"}}, Effect="Deny")], NO),
        ([statement({"Weird": {NS: "x"}}), statement(Effect="Deny")], NO),
        ([statement({"Weird": {NS: "x"}}), statement({"Weird": {NS: "x"}}, Effect="Deny")], UNKNOWN),
        ([statement({"Weird": {NS: "x"}}), statement()], MATCH),
        ([statement(Effect="Deny")], NO),
    ],
)
def test_deny_wins_and_doubt_spreads_only_where_it_matters(statements: list[dict[str, Any]], expected: str) -> None:
    assert verdicts(evaluate(policy(*statements), IDENTITY)) == (expected, expected)


# resource_based_policies/iam_role_trust_policy.json of https://github.com/aws-samples/data-perimeter-policy-examples
PERIMETERS = (
    {
        "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1", "aws:PrincipalAccount": ["222222222222"]},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    },
    {
        "NotIpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"},
        "StringNotEqualsIfExists": {"aws:SourceVpc": "vpc-1", "aws:PrincipalTag/network-perimeter-exception": "true"},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false", "aws:ViaAWSService": "false"},
        "ArnNotLikeIfExists": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/*"},
    },
)


@table(
    ("conditions", "expected"),
    [
        ({}, NO),
        *((perimeter, MATCH) for perimeter in PERIMETERS),
        ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, NO),
        ({"Bool": {"aws:PrincipalIsAWSService": "false"}}, MATCH),
        ({"Bool": {"aws:ViaAWSService": "false"}}, NO),
        ({"Bool": {"aws:ViaAWSService": "true"}}, MATCH),
        ({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}, NO),
        ({"StringNotEquals": {"aws:PrincipalServiceName": PODS}}, MATCH),
        ({"StringNotEquals": {"aws:PrincipalServiceName": "ec2.amazonaws.com"}}, NO),
        ({"StringNotEquals": {"aws:SourceAccount": ACCOUNT}}, MATCH),
        ({"StringNotEquals": {"aws:SourceAccount": "222222222222"}}, NO),
        ({"ArnNotEquals": {"aws:SourceArn": IDENTITY.cluster_arn}}, MATCH),
        ({"ArnNotLike": {"aws:SourceArn": f"{IDENTITY.cluster_arn}-2"}}, NO),
        ({"StringNotEquals": {NS: "shop"}}, MATCH),
        ({"StringNotEquals": {NS: "web"}}, NO),
        ({"StringNotEquals": {"aws:SourceOrgID": "o-1"}}, UNKNOWN),
        ({"StringEquals": {"aws:Foo": "1"}}, UNKNOWN),
    ],
)
def test_a_deny_for_everyone_denies_eks_too(conditions: dict[str, Any], expected: str) -> None:
    for principal in (
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": None, "NotPrincipal": {"AWS": "1"}},
    ):
        trust = policy(statement(), statement(conditions, Effect="Deny", **principal))
        assert verdicts(evaluate(trust, IDENTITY)) == (expected, expected), principal


@table(
    ("members", "expected"),
    [
        ({"Principal": "*"}, NO),
        ({"Principal": {"AWS": ["*", "1"]}}, NO),
        ({"Principal": None, "NotPrincipal": {"AWS": "1"}}, UNKNOWN),
        ({"Action": None, "NotAction": "sts:GetCallerIdentity"}, NO),
        ({"Action": None, "NotAction": "sts:*"}, MATCH),
    ],
)
def test_a_deny_for_everyone_denies_the_role_too(members: dict[str, Any], expected: str) -> None:
    trust = policy(statement(Principal={"AWS": BASE_ROLE}), statement(**{"Principal": "*", "Effect": "Deny"} | members))
    assert verdicts(evaluate(trust, HOP)) == (expected, expected)


def test_a_deny_for_one_pod_leaves_the_others() -> None:
    deny = statement({"StringEquals": {"aws:RequestTag/kubernetes-pod-name": "orders-abc"}}, Effect="Deny")
    evaluation = evaluate(policy(statement(), deny), replace(IDENTITY, pods=LIVE_PODS))
    assert verdicts(evaluation) == (MATCH, MATCH)
    only = evaluate(policy(statement(), deny), replace(IDENTITY, pods=LIVE_PODS[:1]))
    assert verdicts(only) == (UNKNOWN, UNKNOWN)


def test_the_worst_verdict_counts() -> None:
    assert combined(TrustVerdict.MATCH, TrustVerdict.MATCH) is TrustVerdict.MATCH
    assert combined(TrustVerdict.MATCH, TrustVerdict.UNKNOWN) is TrustVerdict.UNKNOWN
    assert combined(TrustVerdict.UNKNOWN, TrustVerdict.NO_MATCH) is TrustVerdict.NO_MATCH
