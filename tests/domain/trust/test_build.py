"""Conditions of one's own: what is accepted, what it means, and what is refused because it could never match."""

from dataclasses import replace

import pytest

from domain.trust.trust_helpers import IDENTITY, UNTAGGED, policy, statement
from podid.domain.errors import InvalidInput
from podid.domain.trust import (
    OwnCondition,
    PodIdentity,
    ScopeKind,
    TrustVerdict,
    add,
    build_statement,
    evaluate,
    new_policy,
    parse_conditions,
    remove,
)
from podid.domain.trust.edit import EditOutcome

ORGANIZATION = parse_conditions(["aws:SourceOrgID=o-1"])
TEAMS = parse_conditions(["StringLike:aws:RequestTag/kubernetes-namespace=shop*"])


@pytest.mark.parametrize(
    ("text", "operator", "key", "value"),
    [
        ("aws:SourceOrgID=o-1", "StringEquals", "aws:SourceOrgID", "o-1"),
        ("StringLike:aws:SourceOrgID=o-*", "StringLike", "aws:SourceOrgID", "o-*"),
        ("ForAnyValue:StringLike:aws:SourceOrgPaths=o-1/*", "ForAnyValue:StringLike", "aws:SourceOrgPaths", "o-1/*"),
        ("aws:ResourceTag/team=a=b:c", "StringEquals", "aws:ResourceTag/team", "a=b:c"),
        (
            "DateLessThan:aws:CurrentTime=2027-01-01T00:00:00Z",
            "DateLessThan",
            "aws:CurrentTime",
            "2027-01-01T00:00:00Z",
        ),
    ],
)
def test_the_operator_is_told_from_the_key(text: str, operator: str, key: str, value: str) -> None:
    (parsed,) = parse_conditions([text, text])
    assert (parsed.operator, parsed.key, parsed.value) == (operator, key, value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aws:SourceOrgID", "specify [OPERATOR:]KEY=VALUE"),
        ("aws:SourceOrgID=", "specify [OPERATOR:]KEY=VALUE"),
        ("SourceOrgID=o-1", "specify [OPERATOR:]KEY=VALUE"),
        ("StringEqals:aws:SourceOrgID=o-1", "did you mean StringEquals"),
        ("aws:SourceOrgID=o-*", "compares * and ? literally"),
    ],
)
def test_another_form_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_conditions([text])
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("text", "identity", "message"),
    [
        ("aws:SourceIp=10.0.0.1", IDENTITY, "but EKS does not send it"),
        ("aws:PrincipalOrgID=o-1", IDENTITY, "for an AWS service the key is aws:SourceOrgID"),
        ("StringLike:aws:RequestTag/eks-cluster-name=prod-*", IDENTITY, "but EKS sends demo"),
        ("StringLike:aws:RequestTag/kubernetes-pod-name=orders-*", UNTAGGED, "session tags are disabled"),
        ("aws:ResourceTag/team=shop", IDENTITY, "but EKS does not send it"),
        ("aws:SourcOrgID=o-1", IDENTITY, "aws:SourceOrgID is probably meant"),
        ("aws:sourceaccount=1", IDENTITY, "the statement already has a condition on aws:SourceAccount"),
    ],
)
def test_a_condition_that_can_never_match_is_refused(text: str, identity: PodIdentity, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        build_statement(identity, conditions=parse_conditions([text]))
    assert message in refused.value.message


def test_values_of_one_key_are_alternatives_and_other_keys_are_further_conditions() -> None:
    own = parse_conditions(
        ["aws:ResourceTag/team=a", "aws:resourcetag/Team=b", "ArnLike:aws:ResourceTag/x=arn:a:b:c:d:e"]
    )
    tagged = replace(IDENTITY, role_tags={"team": "b", "x": "arn:a:b:c:d:e"})
    policy_ = new_policy(tagged, conditions=own)
    assert evaluate(policy_, tagged).verdict is TrustVerdict.MATCH
    assert (
        evaluate(policy_, replace(tagged, role_tags={"team": "c", "x": "arn:a:b:c:d:e"})).verdict
        is TrustVerdict.NO_MATCH
    )
    assert evaluate(policy_, replace(tagged, role_tags={"team": "b"})).verdict is TrustVerdict.NO_MATCH


def test_a_value_of_the_request_is_not_known() -> None:
    created = new_policy(IDENTITY, conditions=ORGANIZATION)
    assert evaluate(created, IDENTITY).verdict is TrustVerdict.UNKNOWN


@pytest.mark.parametrize("conditions", [ORGANIZATION, TEAMS])
def test_a_repeat_adds_nothing_and_the_statement_can_be_removed(conditions: tuple[OwnCondition, ...]) -> None:
    other = statement(Sid="Other", Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole")
    once = add(policy(other), IDENTITY, ScopeKind.CLUSTER, conditions)
    again = add(once.policy, IDENTITY, ScopeKind.CLUSTER, conditions)
    assert (once.outcome, again.outcome, again.policy) == (EditOutcome.CHANGED, EditOutcome.NO_CHANGE, once.policy)
    own = add(policy(other), IDENTITY, conditions=ORGANIZATION).policy
    assert remove(own, IDENTITY).policy == policy(other)


def test_a_wider_statement_is_not_restricted_by_another_one() -> None:
    before = policy(build_statement(IDENTITY, ScopeKind.NAMESPACE))
    edit = add(before, IDENTITY, conditions=ORGANIZATION)
    assert (edit.outcome, edit.policy) == (EditOutcome.NO_CHANGE, before)
    assert "already allows shop/orders without these conditions" in edit.reason


def test_a_pattern_beside_an_exact_cluster_does_not_widen_the_scope() -> None:
    own = parse_conditions(["StringLike:aws:RequestTag/eks-cluster-name=de*"])
    scope = evaluate(new_policy(IDENTITY, conditions=own), IDENTITY).scope
    assert scope is not None
    assert (scope.kind, scope.words) == (
        ScopeKind.SERVICE_ACCOUNT,
        "only shop/orders in cluster demo",
    )
