from checks.builder import NO_ROLE, with_trust
from checks.grid import answers, messages

ID = "trust-missing-tag-session"
FAILS = with_trust(actions="sts:AssumeRole")
UNKNOWN = NO_ROLE


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Role orders")]
    assert messages(ID, FAILS) == [
        "Statement[0] applies to pods.eks.amazonaws.com, but does not allow sts:TagSession; both actions are required"
    ]
