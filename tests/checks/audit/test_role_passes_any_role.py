from typing import Any

import pytest

from checks.builder import ACCOUNT
from checks.grid import outcomes

from .worlds import UNREAD_POLICIES, allowing

ID = "role-passes-any-role"
FAILS = allowing(Action="iam:PassRole", Resource="*")
UNKNOWN = UNREAD_POLICIES
FINDINGS = [("fail", "warn", "Role orders")]
UNKNOWNS = [("unknown", "warn", "Role orders")]


@pytest.mark.parametrize(
    ("statement", "outcome"),
    [
        ({"Action": "iam:PassRole", "Resource": "*"}, "fail"),
        ({"Action": "iam:*Role", "Resource": f"arn:aws:iam::{ACCOUNT}:role/*"}, "fail"),
        ({"Action": "iam:PassRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/apps/*"}, "pass"),
        ({"Action": "*", "Resource": "*"}, "not-applicable"),
        (
            {"Action": "iam:PassRole", "Resource": "*", "Condition": {"StringEquals": {"iam:PassedToService": "x"}}},
            "unknown",
        ),
    ],
)
def test_permissions_to_pass_roles(statement: dict[str, Any], outcome: str) -> None:
    assert outcomes(ID, allowing(**statement)) == {outcome}
