from dataclasses import replace

import pytest

from checks.builder import ACCOUNT, ROLE_ARN, TARGET_ARN, association, chained, healthy, role
from checks.grid import outcomes
from harness import table
from podid.checks.all import BY_ID
from podid.domain.snapshot import Known

from .worlds import UNREAD_ROLE, other_account, trusting

SECRET_ID = {"StringEquals": {"sts:ExternalId": "3f9c1a7e5d2b4c68"}}
ID = "cross-account-trust-without-external-id"
FAILS = trusting(other_account())
UNKNOWN = UNREAD_ROLE
PASSES = trusting(other_account(**SECRET_ID))
FINDINGS = [("fail", "warn", "Role orders")]
UNKNOWNS = [("unknown", "warn", "Role orders")]


@pytest.mark.parametrize(
    ("external_id", "outcome"),
    [
        ("3f9c1a7e5d2b4c68", "pass"),
        (ACCOUNT, "fail"),
        ("prod", "fail"),
        ("aaaaaaaaaaaaaaaaaaaa", "fail"),
        ("", "fail"),
    ],
)
def test_external_ids(external_id: str, outcome: str) -> None:
    statement = other_account(StringEquals={"sts:ExternalId": external_id}) if external_id else other_account()
    assert outcomes(ID, trusting(statement)) == {outcome}


@table(
    ("condition", "outcome"),
    [
        ({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}, "pass"),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/*"}}, "pass"),
        ({"StringLike": {"aws:PrincipalOrgID": "*"}}, "fail"),
        ({"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}, "fail"),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}, "fail"),
    ],
)
def test_principals_of_an_organization(condition: dict[str, object], outcome: str) -> None:
    assert outcomes(ID, trusting(other_account(**condition))) == {outcome}


OTHER_ID = "b81d0c47e29f6a35"


@table(
    ("operator", "values", "outcome"),
    [
        ("StringEquals", ["3f9c1a7e5d2b4c68", OTHER_ID], "pass"),
        ("StringEqualsIgnoreCase", OTHER_ID, "pass"),
        ("StringEquals", ["prod", OTHER_ID], "fail"),
        ("StringEquals", "${aws:PrincipalAccount}", "fail"),
        ("StringLike", f"{OTHER_ID}*", "pass"),
        ("StringLike", "*", "fail"),
        ("StringNotEquals", OTHER_ID, "fail"),
        # a request without an external ID matches these
        ("StringEqualsIfExists", OTHER_ID, "fail"),
        ("ForAllValues:StringEquals", OTHER_ID, "fail"),
    ],
)
def test_operators_and_lists_of_external_ids(operator: str, values: object, outcome: str) -> None:
    assert outcomes(ID, trusting(other_account(**{operator: {"sts:ExternalId": values}}))) == {outcome}


def test_a_list_of_external_ids_is_not_called_a_missing_condition() -> None:
    snapshot = trusting(other_account(StringEquals={"sts:ExternalId": ["prod", OTHER_ID]}))
    (verdict,) = BY_ID[ID].judge(snapshot)
    assert "with an external ID that can be guessed" in verdict.evidence[0]


def test_a_statement_for_session_tags_alone_is_no_finding() -> None:
    """AWS's own example has sts:TagSession in a statement without the external ID."""
    tags = other_account() | {"Action": "sts:TagSession"}
    assert outcomes(ID, trusting(other_account(**SECRET_ID), tags)) == {"pass"}


def test_a_role_under_another_path_is_not_the_role_of_the_association() -> None:
    elsewhere = replace(role(), arn=ROLE_ARN.replace("role/", "role/teams/"))
    assert outcomes(ID, healthy(roles={ROLE_ARN: Known(elsewhere)})) == {"not-applicable"}


FOREIGN = "444455556666"


def everybody(**condition: object) -> dict[str, object]:
    return {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole", "Condition": condition}


@table(
    ("condition", "evidence"),
    [
        (
            {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{FOREIGN}:role/*"}},
            f"Statement[1] allows account {FOREIGN} without sts:ExternalId",
        ),
        (
            {"StringEquals": {"aws:PrincipalAccount": FOREIGN, "sts:ExternalId": "prod"}},
            f"Statement[1] allows account {FOREIGN} with an external ID that can be guessed",
        ),
        (
            {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}, "StringLike": {"aws:PrincipalOrgID": "o-a*"}},
            "Statement[1] allows any account without sts:ExternalId",
        ),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}, ""),
        ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, ""),
        # trust-too-broad reports these
        ({}, ""),
        ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, ""),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-*/r-ab12/*"}}, ""),
    ],
)
def test_conditions_on_any_principal(condition: dict[str, object], evidence: str) -> None:
    (verdict,) = BY_ID[ID].judge(trusting(everybody(**condition)))
    assert verdict.evidence == ((evidence,) if evidence else ())


@table("principal", ["*", {"AWS": "*"}])
def test_a_target_role_that_anybody_can_assume(principal: object) -> None:
    snapshot = chained(
        association(), target=Known(role(TARGET_ARN, {"Statement": [everybody() | {"Principal": principal}]}))
    )
    verdict = next(item for item in BY_ID[ID].judge(snapshot) if str(item.subject) == "Role reports")
    assert verdict.evidence == ("Statement[0] allows any account without sts:ExternalId",)


def test_a_pattern_of_organizations_is_none_of_the_account() -> None:
    condition = {"StringLike": {"aws:PrincipalOrgID": "o-*"}}
    assert outcomes(ID, trusting(other_account(**condition))) == {"fail"}
