"""A role that everybody in AWS can assume is an error, whatever its trust says to EKS."""

from collections.abc import Mapping
from typing import Any

import pytest

from domain.trust.trust_helpers import ACCOUNT, BASE_ROLE, HOP, IDENTITY, policy, statement
from harness import table
from podid.domain.trust import TOO_BROAD, check, evaluate

EVERYBODY: dict[str, Any] = {"Principal": "*", "Action": "sts:*"}


def _severities(*statements: Mapping[str, Any]) -> list[str]:
    found = evaluate(policy(*statements), IDENTITY).findings
    return [finding.severity.value for finding in found if finding.id == TOO_BROAD]


@table(
    "members",
    [
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["arn:aws:iam::111122223333:root", "*"]}},
        {"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/bob"}},
        {"Principal": "*", "Action": "*"},
        {"Principal": "*", "Action": "STS:assume*"},
        {"Principal": "*", "Action": None, "NotAction": "s3:*"},
    ],
)
def test_everybody_is_an_error(members: dict[str, Any]) -> None:
    assert _severities(statement(**members)) == ["error"]


@table(
    "condition",
    [
        {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "shop"}},
        {"StringEquals": {"aws:PrincipalTag/team": "orders"}},
        {"StringLike": {"sts:RoleSessionName": "ci-*"}},
        {"StringNotEquals": {"aws:PrincipalAccount": "999999999999"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}},
        {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"StringLike": {"aws:PrincipalArn": "*"}},
        {"StringLike": {"aws:PrincipalArn": "*:role/deploy"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy"}},
        {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::*:role/b"]}},
        {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}},
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        {"Null": {"aws:PrincipalOrgID": "false"}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
    ],
)
def test_what_a_caller_chooses_narrows_nothing(condition: dict[str, Any]) -> None:
    assert _severities(statement(condition, **EVERYBODY)) == ["error"]


@table(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}},
        {"StringEqualsIfExists": {"aws:PrincipalAccount": ACCOUNT}},
        {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/*"}},
        {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}},
        {"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}},
        {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"StringEquals": {"aws:SourceVpce": "vpce-1"}},
    ],
)
def test_what_tells_who_comes_narrows(condition: dict[str, Any]) -> None:
    assert _severities(statement(condition, **EVERYBODY)) == []


@table(
    ("deny", "severities"),
    [
        ({}, []),
        ({"Condition": {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}}, ["warn"]),
        ({"Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}, ["error"]),
        ({"Principal": None, "NotPrincipal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}, ["warn"]),
        ({"Principal": {"AWS": BASE_ROLE}}, ["error"]),
        ({"Action": "sts:TagSession"}, ["error"]),
    ],
)
def test_a_deny_may_keep_strangers_out(deny: dict[str, Any], severities: list[str]) -> None:
    denying = statement(**{**EVERYBODY, "Effect": "Deny", "Sid": "No"} | deny)
    assert _severities(statement(**EVERYBODY), denying) == severities


@pytest.mark.parametrize(
    "members",
    [
        {"Principal": {"AWS": ACCOUNT}},
        {"Principal": "*", "Action": "sts:TagSession"},
        {"Principal": "*", "Action": None, "NotAction": "sts:*"},
        {"Principal": "*", "Effect": "Deny"},
    ],
)
def test_what_opens_the_role_to_nobody_strange(members: dict[str, Any]) -> None:
    assert _severities(statement(**members)) == []


def test_an_external_id_is_no_secret() -> None:
    assert _severities(statement({"StringEquals": {"sts:ExternalId": "x"}}, **EVERYBODY)) == ["warn"]


@pytest.mark.parametrize("request_", [IDENTITY, HOP])
def test_it_is_said_once_and_shuts_nobody_out(request_: Any) -> None:
    found = check(policy(statement(), statement(**EVERYBODY)), [request_, request_])
    assert [finding.message for finding in found.open_to_all] == [
        'Statement[1] allows everyone ("*") in any AWS account to assume the role'
    ]
    assert not any(finding.denies_access for finding in found.open_to_all)
