from dataclasses import replace

import pytest

from checks.builder import ACCOUNT, ROLE_ARN, healthy, role
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
