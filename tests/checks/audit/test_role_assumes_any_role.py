from typing import Any

from checks.builder import ACCOUNT
from checks.grid import outcomes
from harness import table

from .worlds import UNREAD_POLICIES, allowing

ID = "role-assumes-any-role"
FAILS = allowing(Action="sts:*", Resource=f"arn:aws:iam::{ACCOUNT}:role/*")
UNKNOWN = UNREAD_POLICIES
FINDINGS = [("fail", "warn", "Role orders")]
UNKNOWNS = [("unknown", "warn", "Role orders")]
MESSAGES = ["the role can assume every role of the account whose trust policy allows the account"]


@table(
    ("statement", "outcome"),
    [
        ({"Action": "sts:AssumeRole", "Resource": "*"}, "fail"),
        ({"Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/apps/*"}, "pass"),
        ({"Action": "sts:GetCallerIdentity", "Resource": "*"}, "pass"),
        (
            {"Action": "sts:AssumeRole", "Resource": "*", "Condition": {"StringEquals": {"sts:ExternalId": "x"}}},
            "unknown",
        ),
        # role-administrator reports it
        ({"Action": "*", "Resource": "*"}, "not-applicable"),
    ],
)
def test_permissions_to_assume_roles(statement: dict[str, Any], outcome: str) -> None:
    assert outcomes(ID, allowing(**statement)) == {outcome}
