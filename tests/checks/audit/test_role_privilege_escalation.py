"""The check role-privilege-escalation."""

from checks.grid import answers, messages

from .worlds import UNREAD_POLICIES, allowing

ID = "role-privilege-escalation"
FAILS = allowing(Action="iam:PutRolePolicy", Resource="*")
UNKNOWN = UNREAD_POLICIES


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "warn", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "warn", "Role orders")]
    assert messages(ID, FAILS) == [
        "the pods can write an inline policy of a role, and so get more permissions than the role has"
    ]
