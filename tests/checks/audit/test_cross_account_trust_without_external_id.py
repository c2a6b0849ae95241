"""The check cross-account-trust-without-external-id."""

import pytest

from checks.builder import ACCOUNT
from checks.grid import answers, outcomes

from .worlds import UNREAD_ROLE, other_account, trusting

SECRET_ID = {"StringEquals": {"sts:ExternalId": "3f9c1a7e5d2b4c68"}}
ID = "cross-account-trust-without-external-id"
FAILS = trusting(other_account())
UNKNOWN = UNREAD_ROLE
PASSES = trusting(other_account(**SECRET_ID))


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "warn", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "warn", "Role orders")]


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
