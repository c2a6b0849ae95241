"""Which other accounts a trust policy allows: conditions on principals are judged by their meaning."""

from typing import Any

import pytest

from harness import table
from podid.domain.trust import parse_policy
from podid.domain.trust.strangers import strangers_allowed

OWN, FOREIGN, THIRD = "111122223333", "444455556666", "777788889999"
ORGANIZATION = "o-a1b2c3d4e5"
SECRET = "3f9c1a7e5d2b4c68"  # an external id
ALL = {"AWS": "*"}
NAMED = {"AWS": f"arn:aws:iam::{FOREIGN}:root"}
ARN, ACCOUNT, ORG, PATHS = "aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths"


def statement(principal: Any, effect: str = "Allow", **condition: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition}


def allowed(*statements: dict[str, Any]) -> list[str]:
    """Return the accounts of all statements, `any` for one that the policy does not name, and `+id` after an account if
    an external ID is required."""
    policy = parse_policy({"Version": "2012-10-17", "Statement": list(statements)})
    listed: set[str] = set()
    for access in strangers_allowed(policy, OWN):
        end = "" if access.external_ids is None else "+id"
        listed |= {f"{account}{end}" for account in (*access.accounts, *(["any"] if access.unnamed else []))}
    return sorted(listed)


@table(
    ("condition", "accounts"),
    [
        ({}, [FOREIGN, "any"]),
        # the principal's ARN
        ({"ArnLike": {ARN: f"arn:aws:iam::{FOREIGN}:role/*"}}, [FOREIGN]),
        ({"ArnEquals": {ARN: f"arn:aws:iam::{FOREIGN}:role/app"}}, [FOREIGN]),
        ({"ArnLikeIfExists": {ARN: f"arn:aws:iam::{FOREIGN}:role/app"}}, [FOREIGN]),
        ({"StringEquals": {ARN: f"arn:aws:iam::{FOREIGN}:role/app"}}, [FOREIGN]),
        ({"StringLike": {ARN: f"arn:aws:iam::{FOREIGN}:*"}}, [FOREIGN]),
        ({"StringEqualsIgnoreCase": {ARN: f"arn:aws:iam::{FOREIGN}:role/App"}}, [FOREIGN]),
        ({"ForAnyValue:ArnLike": {ARN: f"arn:aws:iam::{FOREIGN}:role/*"}}, [FOREIGN]),
        ({"ForAllValues:ArnLike": {ARN: f"arn:aws:iam::{FOREIGN}:role/*"}}, [FOREIGN]),
        ({"ArnLike": {ARN: f"arn:aws:iam::{OWN}:role/*"}}, []),
        ({"ArnLike": {ARN: [f"arn:aws:iam::{OWN}:role/*", f"arn:aws:iam::{THIRD}:role/ci"]}}, [THIRD]),
        ({"ArnLike": {ARN: "arn:aws:iam::*:role/deploy"}}, [FOREIGN, "any"]),
        ({"ArnNotLike": {ARN: f"arn:aws:iam::{OWN}:role/*"}}, [FOREIGN, "any"]),
        ({"ArnNotLike": {ARN: f"arn:aws:iam::{FOREIGN}:*"}}, ["any"]),
        ({"StringLike": {ARN: "*"}}, [FOREIGN, "any"]),
        # a literal star is no wildcard
        ({"StringEquals": {ARN: "*"}}, []),
        ({"ArnLike": {ARN: "${aws:PrincipalArn}"}}, [FOREIGN, "any"]),
        # the principal's account
        ({"StringEquals": {ACCOUNT: FOREIGN}}, [FOREIGN]),
        ({"StringEquals": {ACCOUNT: [OWN, THIRD]}}, [THIRD]),
        ({"StringEquals": {ACCOUNT: OWN}}, []),
        ({"StringEqualsIfExists": {ACCOUNT: OWN}}, []),
        ({"StringNotEquals": {ACCOUNT: OWN}}, [FOREIGN, "any"]),
        ({"StringNotEquals": {ACCOUNT: FOREIGN}}, ["any"]),
        ({"StringLike": {ACCOUNT: "4444*"}}, ["444400000000", FOREIGN]),
        ({"StringEquals": {ACCOUNT: "${aws:ResourceAccount}"}}, []),
        ({"StringEquals": {ACCOUNT: "${aws:PrincipalAccount}"}}, [FOREIGN, "any"]),
        ({"Null": {ACCOUNT: "false"}}, [FOREIGN, "any"]),
        ({"Null": {ACCOUNT: "true"}}, []),
        # the principal's organization
        ({"StringEquals": {ORG: ORGANIZATION}}, []),
        ({"StringLike": {ORG: ORGANIZATION}}, []),
        ({"StringEquals": {ORG: "${aws:ResourceOrgID}"}}, []),
        ({"StringEquals": {ORG: "${aws:PrincipalOrgID}"}}, [FOREIGN, "any"]),
        ({"StringLike": {ORG: "o-*"}}, [FOREIGN, "any"]),
        ({"StringLike": {ORG: "o-a1*"}}, [FOREIGN, "any"]),
        ({"StringLike": {ORG: "*"}}, [FOREIGN, "any"]),
        ({"StringEquals": {ORG: "o-*"}}, []),
        ({"StringEqualsIfExists": {ORG: ORGANIZATION}}, [FOREIGN, "any"]),
        ({"StringNotEquals": {ORG: ORGANIZATION}}, [FOREIGN, "any"]),
        ({"ForAllValues:StringEquals": {ORG: ORGANIZATION}}, [FOREIGN, "any"]),
        ({"ForAnyValue:StringEquals": {ORG: ORGANIZATION}}, []),
        ({"Null": {ORG: "false"}}, [FOREIGN, "any"]),
        ({"Null": {ORG: "true"}}, [FOREIGN, "any"]),
        ({"ForAnyValue:StringLike": {PATHS: f"{ORGANIZATION}/*"}}, []),
        ({"ForAnyValue:StringLike": {PATHS: f"{ORGANIZATION}/r-ab12/ou-ab12-11111111/*"}}, []),
        ({"ForAnyValue:StringLike": {PATHS: "o-*/r-ab12/*"}}, [FOREIGN, "any"]),
        ({"ForAnyValue:StringLike": {PATHS: "*/r-ab12/*"}}, [FOREIGN, "any"]),
        ({"ForAllValues:StringLike": {PATHS: f"{ORGANIZATION}/*"}}, [FOREIGN, "any"]),
        ({"ForAnyValue:StringLikeIfExists": {PATHS: f"{ORGANIZATION}/*"}}, [FOREIGN, "any"]),
        # only services send these
        ({"StringEquals": {"aws:SourceAccount": FOREIGN}}, []),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:eks:*:{FOREIGN}:cluster/*"}}, []),
        ({"StringEquals": {"aws:SourceOrgID": "o-*"}}, []),
        ({"StringEqualsIfExists": {"aws:SourceAccount": OWN}}, [FOREIGN, "any"]),
        ({"StringNotEquals": {"aws:SourceAccount": OWN}}, [FOREIGN, "any"]),
        ({"Null": {"aws:SourceArn": "true"}}, [FOREIGN, "any"]),
        ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, []),
        ({"Bool": {"aws:PrincipalIsAWSService": "false"}}, [FOREIGN, "any"]),
        # anybody can have these
        ({"StringEquals": {"aws:PrincipalTag/team": "blue"}}, [FOREIGN, "any"]),
        ({"StringLike": {"sts:RoleSessionName": "ci-*"}}, [FOREIGN, "any"]),
        ({"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, [FOREIGN, "any"]),
        # all conditions count
        ({"StringEquals": {ACCOUNT: FOREIGN, ORG: ORGANIZATION}}, []),
        ({"StringEquals": {ACCOUNT: FOREIGN}, "StringLike": {ORG: "o-*"}}, [FOREIGN]),
        ({"StringEquals": {"sts:ExternalId": SECRET}}, [f"{FOREIGN}+id", "any+id"]),
        ({"StringEquals": {ACCOUNT: THIRD, "sts:ExternalId": SECRET}}, [f"{THIRD}+id"]),
        ({"StringEqualsIfExists": {"sts:ExternalId": SECRET}}, [FOREIGN, "any"]),
        ({"Null": {"sts:ExternalId": "false"}}, [f"{FOREIGN}+id", "any+id"]),
    ],
)
def test_conditions_on_everybody(condition: dict[str, Any], accounts: list[str]) -> None:
    named = FOREIGN in accounts or f"{FOREIGN}+id" in accounts or FOREIGN in str(condition)
    # a Deny about nothing names the other account, so that the same accounts are tried for every condition
    about = statement({"AWS": FOREIGN}, "Deny", StringEquals={"aws:SourceAccount": "0"}) if named else None
    assert allowed(statement(ALL, **condition), *([about] if about else [])) == accounts


@table(
    ("condition", "accounts"),
    [
        ({}, [FOREIGN]),
        ({"ArnLike": {ARN: f"arn:aws:iam::{FOREIGN}:role/app"}}, [FOREIGN]),
        ({"ArnLike": {ARN: f"arn:aws:iam::{THIRD}:role/app"}}, []),
        ({"StringEquals": {ORG: ORGANIZATION}}, []),
        ({"StringLike": {ORG: "o-*"}}, [FOREIGN]),
        ({"StringEquals": {ACCOUNT: OWN}}, []),
        ({"StringEquals": {"sts:ExternalId": SECRET}}, [f"{FOREIGN}+id"]),
    ],
)
def test_conditions_on_a_named_account(condition: dict[str, Any], accounts: list[str]) -> None:
    for name in (NAMED["AWS"], FOREIGN, [FOREIGN, OWN]):
        assert allowed(statement({"AWS": name}, **condition)) == accounts


@pytest.mark.parametrize(
    ("principal", "accounts"),
    [
        ("*", ["any"]),
        (ALL, ["any"]),
        ({"AWS": OWN}, []),
        ({"AWS": f"arn:aws:iam::{OWN}:role/app"}, []),
        ({"AWS": f"arn:aws:iam::{FOREIGN}:role/app"}, [FOREIGN]),
        ({"AWS": f"arn:aws:iam::{FOREIGN}:user/ada"}, [FOREIGN]),
        ({"AWS": f"arn:aws:sts::{FOREIGN}:assumed-role/app/session"}, [FOREIGN]),
        ({"AWS": f"arn:aws-cn:iam::{FOREIGN}:root"}, [FOREIGN]),
        ({"Service": "pods.eks.amazonaws.com"}, []),
        ({"Federated": f"arn:aws:iam::{FOREIGN}:saml-provider/x"}, []),
        ({"AWS": "AROAEXAMPLEID"}, []),
    ],
)
def test_principals(principal: Any, accounts: list[str]) -> None:
    assert allowed(statement(principal)) == accounts


def test_not_principal_allows_all_others() -> None:
    other = {"Effect": "Allow", "NotPrincipal": {"AWS": f"arn:aws:iam::{OWN}:root"}, "Action": "sts:AssumeRole"}
    assert allowed(other) == ["any"]


def test_a_deny_closes_the_role() -> None:
    open_ = statement(ALL)
    assert allowed(open_, statement("*", "Deny", StringNotEquals={ACCOUNT: OWN})) == []
    assert allowed(open_, statement("*", "Deny", StringNotEquals={ORG: ORGANIZATION})) == []
    assert allowed(open_, statement("*", "Deny", StringNotEqualsIfExists={ORG: ORGANIZATION})) == []
    # members of other organizations are denied, principals without one are not
    assert allowed(open_, statement("*", "Deny", StringLike={ORG: "o-*"})) == ["any"]
    assert allowed(open_, statement({"AWS": FOREIGN}, "Deny")) == ["any"]
    assert allowed(open_, statement("*", "Deny", StringNotEquals={"sts:ExternalId": SECRET})) == ["any+id"]
    assert allowed(open_, statement("*", "Deny", StringEquals={"aws:PrincipalTag/team": "red"})) == ["any"]


def test_a_statement_for_other_actions_allows_nobody_to_assume_it() -> None:
    assert allowed(statement(NAMED) | {"Action": "sts:TagSession"}) == []
