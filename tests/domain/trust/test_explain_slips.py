"""Slips of the hand are named with the word that is meant, and corrected where that is all it takes."""

from typing import Any

import pytest

from domain.trust.trust_helpers import BASE_ROLE, BOTH, HOP, IDENTITY, PODS, UNTAGGED_HOP, policy, statement
from podid.domain.trust import TrustVerdict, check, evaluate, parse_policy, target_policy

SLIP = ["sts:AssumeRole", "sts:TagSesion"]


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"Action": SLIP}, "sts:TagSesion is not a known STS action; sts:TagSession is probably meant"),
        (
            {"Action": ["sts:Assumerol", *BOTH]},
            "sts:Assumerol is not a known STS action; sts:AssumeRole is probably meant",
        ),
        ({"Action": ["AssumeRole"]}, "AssumeRole is not a known STS action; sts:AssumeRole is probably meant"),
        (
            {"Principal": {"Service": "pod.eks.amazonaws.com"}},
            f"pod.eks.amazonaws.com is not a known service principal of EKS; {PODS} is probably meant",
        ),
        (
            {"Condition": {"StringEqual": {"aws:SourceAccount": "1"}}},
            "StringEqual is not a known condition operator; StringEquals is probably meant",
        ),
        (
            {"Condition": {"ArnLike": {"aws:SourceArm": "x"}}},
            "aws:SourceArm is not a known condition key; aws:SourceArn is probably meant",
        ),
        ({"Conditions": {}}, "Conditions is not a known member of a statement; Condition is probably meant"),
    ],
)
def test_a_slip_is_named(members: dict[str, Any], sentence: str) -> None:
    assert f"Statement[0]: {sentence}" in check(policy(statement(**members)), [IDENTITY]).advice


@pytest.mark.parametrize(
    "members",
    [
        {"Action": ["sts:assumerole", "STS:TAGSESSION", "sts:SetSourceIdentity", "sts:AssumeRoleWithWebIdentity"]},
        {"Action": ["sts:*", "sts:Tag*", "s3:GetObject"]},
        {"Principal": {"Service": ["eks.amazonaws.com", "ec2.amazonaws.com", "eks-fargate-pods.amazonaws.com"]}},
        {"Condition": {"StringLike": {"AWS:sourceAccount": "1", "aws:SourceOrgID": "o", "aws:RequestTag/x": "y"}}},
        {"Condition": {"ForAllValues:StringEqualsIfExists": {"aws:TagKeys": "x"}}},
    ],
)
def test_no_slip_where_the_word_exists(members: dict[str, Any]) -> None:
    assert not [line for line in check(policy(statement(**members)), [IDENTITY]).advice if "probably meant" in line]


def test_a_slip_in_an_action_is_corrected_in_its_place() -> None:
    report = check(policy(statement(Action=SLIP)), [IDENTITY])
    assert report.proposed is not None
    assert [s.raw for s in report.proposed.statements] == [statement(Action=BOTH)]
    finding = report.evaluations[0].findings[0]
    assert (finding.id, finding.fix) == (
        "trust-missing-tag-session",
        "replace sts:TagSesion with sts:TagSession in Statement[0]",
    )
    assert "-" + " " * 8 + '"sts:TagSesion"' in report.diff.split("\n")


def test_the_difference_shows_the_advice() -> None:
    report = check(policy(statement(Action="sts:AssumeRole")), [IDENTITY])
    assert report.proposed is not None
    assert len(report.proposed.statements) == 2
    assert report.evaluations[0].findings[0].fix == (
        "add a statement that allows both actions, or sts:TagSession to the Action of Statement[0]"
    )


def test_the_same_request_twice_is_advised_once() -> None:
    report = check(policy(statement(Principal={"AWS": "1"})), [IDENTITY, IDENTITY])
    assert report.proposed is not None
    assert (len(report.proposed.statements), report.advice) == (2, ())


@pytest.mark.parametrize("hop", [HOP, UNTAGGED_HOP])
def test_the_target_roles_statements_demand_the_external_id(hop: Any) -> None:
    demanded = target_policy(hop)
    assert str(hop.external_id) in str(demanded)
    assert evaluate(parse_policy(demanded), hop).verdict is TrustVerdict.MATCH
    other = type(hop)(hop.base_role_arn, hop.pod, "another")
    assert evaluate(parse_policy(demanded), other).verdict is not TrustVerdict.MATCH
    advice = check(policy(statement(Principal={"AWS": "1"})), [hop]).advice
    assert "sts:ExternalId" in advice[0]


def test_without_an_external_id_it_is_asked_for() -> None:
    hop = type(UNTAGGED_HOP)(BASE_ROLE, UNTAGGED_HOP.pod, None)
    advice = check(policy(statement(Principal={"AWS": "1"})), [hop]).advice
    assert "--external-id" in advice[1]
