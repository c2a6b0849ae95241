"""Conditions of trust policies: every operator, every kind of key, both hops."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from domain.trust.trust_helpers import (
    ACCOUNT,
    BASE_ROLE,
    CLUSTER,
    EXTERNAL_ID,
    HOP,
    IDENTITY,
    LIVE_PODS,
    MATCH,
    NO,
    NOW,
    NS,
    OIDC_ID,
    PODS,
    UNKNOWN,
    UNTAGGED,
    UNTAGGED_HOP,
    policy,
    statement,
    verdict_for,
    verdicts,
)
from harness import table
from podid.domain.trust import PodIdentity, TargetHop, evaluate, parse_policy

SIX = [
    "eks-cluster-arn",
    "eks-cluster-name",
    "kubernetes-namespace",
    "kubernetes-service-account",
    "kubernetes-pod-name",
    "kubernetes-pod-uid",
]


ARN = "aws:SourceArn"


OPERATORS: list[tuple[Mapping[str, Any], str]] = [
    ({}, MATCH),
    ({"StringEquals": {}}, MATCH),
    ({"StringEquals": {NS: "shop"}}, MATCH),
    ({"stringequals": {NS.upper(): "shop"}}, MATCH),
    ({"StringEquals": {NS: ["web", "shop"]}}, MATCH),
    ({"StringEquals": {NS: "Shop"}}, NO),
    ({"StringEquals": {NS: "sh*"}}, NO),
    ({"StringEquals": {NS: "sho?"}}, NO),
    ({"StringEquals": {NS: []}}, UNKNOWN),
    ({"StringNotEquals": {NS: "shop"}}, NO),
    ({"StringNotEquals": {NS: ["web", "shop"]}}, NO),
    ({"StringNotEquals": {NS: ["web", "api"]}}, MATCH),
    ({"StringEqualsIgnoreCase": {NS: "SHOP"}}, MATCH),
    ({"StringEqualsIgnoreCase": {NS: "SHO*"}}, NO),
    ({"StringNotEqualsIgnoreCase": {NS: "SHOP"}}, NO),
    ({"StringNotEqualsIgnoreCase": {NS: "WEB"}}, MATCH),
    ({"StringLike": {NS: "s*p"}}, MATCH),
    ({"StringLike": {NS: "sh?p"}}, MATCH),
    ({"StringLike": {NS: "*"}}, MATCH),
    ({"StringLike": {NS: "**sh**op*"}}, MATCH),
    ({"StringLike": {NS: "s*x*p"}}, NO),
    ({"StringLike": {NS: "shop?"}}, NO),
    ({"StringLike": {NS: ""}}, NO),
    ({"StringNotLike": {NS: "s*"}}, NO),
    ({"StringNotLike": {NS: "w*"}}, MATCH),
    ({"StringLike": {ARN: "arn:aws:eks:*/demo"}}, MATCH),
    ({"ArnEquals": {ARN: CLUSTER}}, MATCH),
    ({"ArnLike": {ARN: CLUSTER}}, MATCH),
    ({"ArnEquals": {ARN: f"arn:aws:eks:*:{ACCOUNT}:cluster/*"}}, MATCH),
    ({"ArnLike": {ARN: f"arn:*:eks:eu-west-?:{ACCOUNT}:*"}}, MATCH),
    ({"ArnLike": {ARN: "arn:aws:eks:*:cluster/demo"}}, NO),
    ({"ArnLike": {ARN: "arn:aws:eks:*"}}, NO),
    ({"ArnLike": {ARN: f"arn:aws:eks:*:{ACCOUNT}:podidentityassociation/demo/*"}}, NO),
    ({"ArnLike": {ARN: "*"}}, UNKNOWN),
    ({"ArnLike": {ARN: [CLUSTER + "x", "arn:aws:eks:*:*:cluster/de*"]}}, MATCH),
    ({"ArnNotEquals": {ARN: CLUSTER}}, NO),
    ({"ArnNotLike": {ARN: "arn:aws:eks:*:*:cluster/prod"}}, MATCH),
    ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, MATCH),
    ({"StringEquals": {"aws:SourceAccount": int(ACCOUNT)}}, MATCH),
    ({"StringEquals": {"aws:SourceAccount": "222233334444"}}, NO),
    ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, MATCH),
    ({"Bool": {"aws:PrincipalIsAWSService": True}}, MATCH),
    ({"Bool": {"aws:PrincipalIsAWSService": "True"}}, MATCH),
    ({"Bool": {"aws:PrincipalIsAWSService": "false"}}, NO),
    ({"Bool": {"aws:PrincipalIsAWSService": "yes"}}, UNKNOWN),
    ({"Bool": {ARN: "true"}}, UNKNOWN),
    ({"Null": {NS: "false"}}, MATCH),
    ({"Null": {NS: False}}, MATCH),
    ({"Null": {NS: "true"}}, NO),
    ({"Null": {NS: ["true", "false"]}}, MATCH),
    ({"Null": {NS: "perhaps"}}, UNKNOWN),
    ({"Null": {"sts:ExternalId": "true"}}, MATCH),
    ({"Null": {"sts:ExternalId": "false"}}, NO),
    ({"Null": {"aws:Foo": "true"}}, UNKNOWN),
    ({"NullIfExists": {NS: "false"}}, UNKNOWN),
    ({"ForAllValues:Null": {NS: "false"}}, UNKNOWN),
    ({"NumericEquals": {"aws:SourceAccount": ACCOUNT}}, MATCH),
    ({"NumericNotEquals": {"aws:SourceAccount": ACCOUNT}}, NO),
    ({"NumericLessThan": {"aws:SourceAccount": ACCOUNT}}, NO),
    ({"NumericLessThanEquals": {"aws:SourceAccount": ACCOUNT + ".0"}}, MATCH),
    ({"NumericGreaterThan": {"aws:SourceAccount": "1.5"}}, MATCH),
    ({"NumericGreaterThanEquals": {"aws:SourceAccount": "9e99"}}, UNKNOWN),
    ({"NumericEquals": {NS: "1"}}, UNKNOWN),
    ({"NumericBetween": {"aws:SourceAccount": "1"}}, UNKNOWN),
    ({"DateGreaterThan": {"aws:CurrentTime": "2026-11-24T15:59:59Z"}}, MATCH),
    ({"DateLessThan": {"aws:CurrentTime": "2026-11-24T15:59:59Z"}}, NO),
    ({"DateLessThanEquals": {"aws:CurrentTime": "2026-11-24T18:00:00+02:00"}}, MATCH),
    ({"DateGreaterThanEquals": {"aws:CurrentTime": "2026-11-24T16:00Z"}}, MATCH),
    ({"DateEquals": {"aws:CurrentTime": "2026-11-24T16:00:00.5Z"}}, MATCH),
    ({"DateNotEquals": {"aws:CurrentTime": "2026-11-24"}}, MATCH),
    ({"DateGreaterThan": {"aws:CurrentTime": "2026"}}, MATCH),
    ({"DateLessThan": {"aws:CurrentTime": "2026-12"}}, MATCH),
    ({"DateLessThan": {"aws:CurrentTime": "99999999999999"}}, MATCH),
    ({"DateLessThan": {"aws:CurrentTime": "2026-13-01"}}, UNKNOWN),
    ({"DateLessThan": {"aws:CurrentTime": "tomorrow"}}, UNKNOWN),
    ({"DateGreaterThan": {"aws:EpochTime": "1700000000"}}, MATCH),
    ({"NumericGreaterThan": {"aws:EpochTime": 1700000000}}, MATCH),
    ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, NO),
    ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, MATCH),
    ({"IpAddressIfExists": {"aws:SourceIp": "10.0.0.0/8"}}, MATCH),
    ({"IpAddress": {"aws:ResourceTag/ip": "10.0.0.0/8"}}, MATCH),
    ({"IpAddress": {"aws:ResourceTag/ip": "10.1.2.3"}}, MATCH),
    ({"IpAddress": {"aws:ResourceTag/ip": ["2001:db8::/32", "192.168.0.1/16"]}}, NO),
    ({"NotIpAddress": {"aws:ResourceTag/ip": "10.0.0.0/8"}}, NO),
    ({"IpAddress": {"aws:ResourceTag/ip": "ten"}}, UNKNOWN),
    ({"IpAddress": {NS: "10.0.0.0/8"}}, UNKNOWN),
    ({"BinaryEquals": {NS: "c2hvcA=="}}, MATCH),
    ({"BinaryEquals": {NS: "d2Vi"}}, NO),
    ({"BinaryEquals": {NS: "*"}}, UNKNOWN),
    ({"StringMatches": {NS: "shop"}}, UNKNOWN),
    ({"ForSomeValues:StringEquals": {NS: "shop"}}, UNKNOWN),
    # IfExists
    ({"StringEqualsIfExists": {NS: "shop"}}, MATCH),
    ({"StringEqualsIfExists": {NS: "web"}}, NO),
    ({"StringEqualsIfExists": {"sts:ExternalId": "x"}}, MATCH),
    ({"StringNotEqualsIfExists": {"sts:ExternalId": "x"}}, MATCH),
    ({"ForAnyValue:StringEqualsIfExists": {"aws:CalledVia": "x"}}, UNKNOWN),
    # an absent key by operator
    ({"StringEquals": {"sts:ExternalId": "x"}}, NO),
    ({"StringLike": {"sts:ExternalId": "*"}}, NO),
    ({"StringNotEquals": {"sts:ExternalId": "x"}}, MATCH),
    ({"ArnNotLike": {"aws:PrincipalArn": "*"}}, MATCH),
    ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, NO),
    ({"NumericLessThan": {"aws:MultiFactorAuthAge": "1"}}, NO),
    ({"ForAllValues:StringEquals": {"aws:CalledVia": "x"}}, MATCH),
    ({"ForAllValues:StringNotEquals": {"aws:CalledVia": "x"}}, MATCH),
    ({"ForAnyValue:StringEquals": {"aws:CalledVia": "x"}}, NO),
    ({"ForAnyValue:StringNotEquals": {"aws:CalledVia": "x"}}, NO),
    # keys of many values
    ({"ForAllValues:StringEquals": {"aws:TagKeys": SIX}}, MATCH),
    ({"ForAllValues:StringEquals": {"aws:TagKeys": SIX[:5]}}, NO),
    ({"ForAllValues:StringLike": {"sts:TransitiveTagKeys": ["eks-*", "kubernetes-*"]}}, MATCH),
    ({"ForAllValues:StringNotLike": {"aws:TagKeys": "aws-*"}}, MATCH),
    ({"ForAllValues:StringNotEquals": {"aws:TagKeys": SIX[0]}}, NO),
    ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["x", SIX[3]]}}, MATCH),
    ({"ForAnyValue:StringEquals": {"aws:TagKeys": "x"}}, NO),
    ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": SIX[0]}}, MATCH),
    ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": SIX}}, NO),
    ({"StringEquals": {"aws:TagKeys": SIX[0]}}, UNKNOWN),
    ({"StringEquals": {"aws:TagKeys": "x"}}, NO),
    ({"StringLike": {"aws:TagKeys": "*-*"}}, MATCH),
    ({"ForAllValues:StringEquals": {NS: ["shop", "web"]}}, MATCH),
    ({"ForAnyValue:StringEquals": {NS: "web"}}, NO),
    # several keys and several operators
    ({"StringEquals": {NS: "shop", "aws:SourceAccount": ACCOUNT}, "ArnLike": {ARN: CLUSTER}}, MATCH),
    ({"StringEquals": {NS: "shop", "aws:SourceAccount": "2"}, "ArnLike": {ARN: CLUSTER}}, NO),
    ({"StringEquals": {"aws:Foo": "x", "aws:SourceAccount": "2"}}, NO),
    ({"StringEquals": {"aws:Foo": "x", "aws:SourceAccount": ACCOUNT}}, UNKNOWN),
    ({"Weird": {"aws:Foo": "x"}, "StringEquals": {NS: "web"}}, NO),
    # policy variables
    ({"StringEquals": {NS: "${aws:RequestTag/Kubernetes-Namespace}"}}, MATCH),
    ({"StringEquals": {ARN: "${aws:RequestTag/eks-cluster-arn}"}}, MATCH),
    ({"ArnEquals": {ARN: "${aws:RequestTag/eks-cluster-arn}"}}, MATCH),
    ({"ArnLike": {ARN: "arn:aws:eks:*:${aws:SourceAccount}:cluster/${aws:RequestTag/eks-cluster-name}"}}, MATCH),
    ({"ArnLike": {ARN: "arn:aws:eks:${aws:SourceAccount}:*:cluster/demo"}}, NO),
    ({"StringLike": {NS: "${aws:RequestTag/kubernetes-namespace}*"}}, MATCH),
    ({"StringEqualsIgnoreCase": {NS: "${aws:ResourceTag/team}"}}, MATCH),
    ({"StringEquals": {NS: "${aws:ResourceTag/team}"}}, NO),
    ({"StringEquals": {NS: "${aws:PrincipalTag/x}"}}, NO),
    ({"StringNotEquals": {NS: "${aws:PrincipalTag/x}"}}, MATCH),
    ({"StringEquals": {NS: "${aws:PrincipalTag/x, 'shop'}"}}, MATCH),
    ({"StringEquals": {NS: "${aws:PrincipalTag/x,'web'}"}}, NO),
    ({"StringEquals": {NS: "sh${aws:PrincipalTag/x, 'o'}p"}}, MATCH),
    ({"StringEquals": {NS: "${aws:Foo}"}}, UNKNOWN),
    ({"StringEquals": {NS: "${aws:TagKeys}"}}, UNKNOWN),
    ({"StringEquals": {NS: "${aws:RequestTag/kubernetes-pod-name}"}}, UNKNOWN),
    ({"StringEquals": {NS: "${"}}, UNKNOWN),
    ({"StringEquals": {NS: "${}"}}, UNKNOWN),
    ({"StringEquals": {NS: "$shop"}}, NO),
    ({"StringLike": {"aws:ResourceTag/star": "a${*}b${?}${$}"}}, MATCH),
    ({"StringEquals": {"aws:ResourceTag/star": "a${*}b${?}${$}"}}, MATCH),
    ({"StringLike": {NS: "sh${?}p"}}, NO),
    ({"StringLike": {"aws:ResourceTag/star": "${aws:ResourceTag/star}"}}, UNKNOWN),
    ({"StringEquals": {"aws:ResourceTag/star": "${aws:ResourceTag/star}"}}, MATCH),
    # tags of the role
    ({"StringEquals": {"aws:ResourceTag/Team": "SHOP"}}, MATCH),
    ({"StringEquals": {"iam:ResourceTag/team": "SHOP"}}, MATCH),
    ({"StringEquals": {"aws:ResourceTag/other": "SHOP"}}, NO),
    ({"Null": {"aws:ResourceTag/other": "true"}}, MATCH),
    ({"Null": {"aws:ResourceTag/empty": "true"}}, UNKNOWN),
    ({"ForAllValues:StringEquals": {"aws:ResourceTag/empty": "x"}}, MATCH),
    ({"StringEquals": {"aws:ResourceTag/empty": ""}}, MATCH),
    # the other keys
    ({"StringEquals": {"aws:RequestTag/team": "shop"}}, NO),
    ({"StringEquals": {"aws:RequestTag/kubernetes-serviceaccount": "orders"}}, NO),
    ({"StringEquals": {"aws:RequestTag/eks-cluster-name": "demo"}}, MATCH),
    ({"StringEquals": {"aws:RequestTag/eks-cluster-arn": CLUSTER}}, MATCH),
    ({"StringEquals": {"aws:RequestTag/kubernetes-service-account": "orders"}}, MATCH),
    ({"StringEquals": {f"{OIDC_ID}:sub": "system:serviceaccount:shop:orders"}}, NO),
    ({"StringEquals": {f"{OIDC_ID}:aud": "sts.amazonaws.com"}}, NO),
    ({"StringEqualsIfExists": {f"{OIDC_ID}:aud": "sts.amazonaws.com"}}, MATCH),
    ({"StringEquals": {"token.actions.githubusercontent.com:sub": "x"}}, NO),
    ({"StringEquals": {"saml:aud": "x"}}, NO),
    ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, NO),
    ({"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "shop"}}, NO),
    ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, NO),
    ({"StringEquals": {"aws:PrincipalServiceName": PODS}}, MATCH),
    ({"StringEquals": {"aws:SourceOrgID": "o-1"}}, UNKNOWN),
    ({"StringEqualsIfExists": {"aws:SourceOrgID": "o-1"}}, UNKNOWN),
    ({"Null": {"aws:SourceOrgID": "false"}}, MATCH),
    ({"StringLike": {"aws:SourceOrgID": "*"}}, MATCH),
    ({"ForAnyValue:StringLike": {"aws:SourceOrgPaths": "o-1/*"}}, UNKNOWN),
    ({"StringEquals": {"aws:userid": "x"}}, UNKNOWN),
    ({"StringEquals": {"ec2:ResourceTag/a.b:c": "x"}}, UNKNOWN),
    ({"StringEquals": {"nonsense": "x"}}, UNKNOWN),
    # what differs from pod to pod
    ({"StringLike": {"aws:RequestTag/kubernetes-pod-name": "orders-*"}}, UNKNOWN),
    ({"StringLike": {"aws:RequestTag/kubernetes-pod-uid": "*"}}, MATCH),
    ({"ArnLike": {"aws:RequestTag/kubernetes-pod-name": "*"}}, UNKNOWN),
    ({"NumericEquals": {"aws:RequestTag/kubernetes-pod-name": "1"}}, UNKNOWN),
    ({"StringLike": {"sts:RoleSessionName": "eks-*"}}, MATCH),
    ({"StringLike": {"sts:RoleSessionName": "eks-demo-*"}}, MATCH),
    ({"StringEqualsIgnoreCase": {"sts:RoleSessionName": "ops"}}, NO),
    ({"StringLike": {"sts:RoleSessionName": "eks-demo-orders*"}}, UNKNOWN),
    ({"StringLike": {"sts:RoleSessionName": "eks-demo-${aws:RequestTag/kubernetes-service-account}*"}}, UNKNOWN),
    ({"StringLike": {"sts:RoleSessionName": "${aws:PrincipalTag/x}*"}}, NO),
    ({"StringLike": {"sts:RoleSessionName": "eks-prod-*"}}, NO),
    ({"StringNotLike": {"sts:RoleSessionName": "eks-prod-*"}}, MATCH),
    ({"StringEquals": {"sts:RoleSessionName": "ops"}}, NO),
]


FULL = replace(IDENTITY, now=NOW, role_tags={"team": "SHOP", "ip": "10.1.2.3", "star": "a*b?$", "empty": ""})


@table(("condition", "expected"), OPERATORS)
def test_conditions_of_hop_1(condition: Mapping[str, Any], expected: str) -> None:
    assert verdict_for(condition, FULL) == expected


@table(
    ("condition", "expected"),
    [
        ({"StringEquals": {NS: "shop"}}, NO),
        ({"StringLike": {NS: "*"}}, NO),
        ({"StringNotEquals": {NS: "shop"}}, MATCH),
        ({"StringEqualsIfExists": {NS: "shop"}}, MATCH),
        ({"Null": {NS: "true"}}, MATCH),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": "x"}}, MATCH),
        ({"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": SIX}}, NO),
        ({"Null": {"aws:TagKeys": "true"}}, MATCH),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnEquals": {ARN: CLUSTER}}, MATCH),
    ],
)
def test_conditions_without_session_tags(condition: Mapping[str, Any], expected: str) -> None:
    assert verdict_for(condition, UNTAGGED) == expected


def test_policy_variables_only_with_their_version() -> None:
    condition = {"StringEquals": {NS: "${aws:RequestTag/kubernetes-namespace}"}}
    for version, expected in (("2012-10-17", MATCH), ("2008-10-17", NO), ("2030-01-01", UNKNOWN)):
        evaluation = evaluate(policy(statement(condition), version=version), IDENTITY)
        assert verdicts(evaluation) == (expected, expected)
    assert verdicts(evaluate(policy(statement(), version="2030-01-01"), IDENTITY)) == (MATCH, MATCH)
    assert verdicts(evaluate(parse_policy({"Statement": statement(condition)}), IDENTITY)) == (NO, NO)


@table(
    ("condition", "request_", "expected"),
    [
        ({"ArnEquals": {"aws:PrincipalArn": BASE_ROLE}}, HOP, MATCH),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}}, HOP, MATCH),
        ({"ArnEquals": {"aws:PrincipalArn": BASE_ROLE + "x"}}, HOP, NO),
        ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, HOP, MATCH),
        ({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, HOP, MATCH),
        ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, HOP, NO),
        ({"StringLike": {"aws:userid": "*:eks-*"}}, HOP, UNKNOWN),
        ({"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "shop"}}, HOP, MATCH),
        ({"StringEquals": {"aws:RequestTag/kubernetes-namespace": "shop"}}, HOP, MATCH),
        ({"StringEquals": {"aws:RequestTag/kubernetes-namespace": "web"}}, HOP, NO),
        ({"StringEquals": {"aws:RequestTag/kubernetes-namespace": "shop"}}, UNTAGGED_HOP, NO),
        ({"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": "shop"}}, UNTAGGED_HOP, NO),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": SIX[0]}}, HOP, UNKNOWN),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": SIX}}, HOP, MATCH),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": SIX[0]}}, UNTAGGED_HOP, NO),
        ({"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}, UNTAGGED_HOP, MATCH),
        ({"StringEquals": {"sts:ExternalId": EXTERNAL_ID + "x"}}, UNTAGGED_HOP, NO),
        ({"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}, HOP, UNKNOWN),
        ({"StringEquals": {"sts:ExternalId": "x"}}, HOP, NO),
        ({"StringEqualsIfExists": {"sts:ExternalId": EXTERNAL_ID}}, HOP, MATCH),
        ({"StringNotEquals": {"sts:ExternalId": "x"}}, HOP, MATCH),
        ({"Null": {"sts:ExternalId": "true"}}, HOP, UNKNOWN),
        ({"Null": {"sts:ExternalId": "true"}}, UNTAGGED_HOP, NO),
        ({"StringEquals": {"sts:ExternalId": "x"}}, TargetHop(BASE_ROLE, UNTAGGED), UNKNOWN),
        ({"StringLike": {"sts:ExternalId": "*"}}, TargetHop(BASE_ROLE, UNTAGGED), MATCH),
        ({"StringEquals": {"sts:ExternalId": "x"}}, TargetHop(BASE_ROLE, IDENTITY), UNKNOWN),
        ({"ArnEquals": {ARN: CLUSTER}}, HOP, NO),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, HOP, NO),
        ({"StringNotEquals": {"aws:SourceAccount": "2"}}, HOP, MATCH),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, HOP, UNKNOWN),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, HOP, UNKNOWN),
        ({"StringEquals": {"sts:RoleSessionName": "x"}}, HOP, UNKNOWN),
        ({"StringEquals": {"aws:ResourceTag/t": "1"}}, TargetHop(BASE_ROLE, IDENTITY, role_tags={"T": "1"}), MATCH),
        ({"StringEquals": {"aws:ResourceTag/t": "1"}}, TargetHop(BASE_ROLE, IDENTITY, role_tags=None), UNKNOWN),
        (
            {"StringEquals": {"aws:PrincipalTag/team": "x", "aws:PrincipalTag/kubernetes-namespace": "shop"}},
            TargetHop(BASE_ROLE, replace(IDENTITY, role_tags={"team": "x", "Kubernetes-Namespace": "web"})),
            MATCH,
        ),
        (
            {"StringLike": {"aws:PrincipalTag/kubernetes-pod-name": "orders-*"}},
            TargetHop(BASE_ROLE, replace(IDENTITY, pods=LIVE_PODS)),
            MATCH,
        ),
        ({"DateLessThan": {"aws:CurrentTime": "2027-01-01"}}, TargetHop(BASE_ROLE, replace(IDENTITY, now=NOW)), MATCH),
    ],
)
def test_conditions_of_hop_2(condition: Mapping[str, Any], request_: TargetHop, expected: str) -> None:
    assert verdict_for(condition, request_) == expected


@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "eu-west-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")]
)
def test_the_cluster_of_another_partition(partition: str, region: str) -> None:
    cluster = f"arn:{partition}:eks:{region}:{ACCOUNT}:cluster/demo"
    pod = PodIdentity(cluster, "shop", "orders")
    assert verdict_for({"ArnEquals": {ARN: cluster}}, pod) == MATCH
    assert verdict_for({"ArnEquals": {ARN: cluster.replace(f"arn:{partition}:", "arn:aws-iso:")}}, pod) == NO
    assert verdict_for({"ArnLike": {ARN: f"arn:*:eks:{region}:*:cluster/demo"}}, pod) == MATCH
