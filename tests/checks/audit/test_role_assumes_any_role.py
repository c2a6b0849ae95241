"""The check role-assumes-any-role."""

from checks.builder import ACCOUNT
from checks.grid import answers, messages

from .worlds import UNREAD_POLICIES, allowing

ID = "role-assumes-any-role"
FAILS = allowing(Action="sts:*", Resource=f"arn:aws:iam::{ACCOUNT}:role/*")
UNKNOWN = UNREAD_POLICIES


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "warn", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "warn", "Role orders")]
    assert messages(ID, FAILS) == [
        "the role can assume every role of the account whose trust policy allows the account"
    ]
