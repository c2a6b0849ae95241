from checks.builder import NO_ROLE, with_trust
from checks.grid import answers, messages

ID = "trust-too-broad"
FAILS = with_trust(Null={"aws:SourceArn": "false"})
UNKNOWN = NO_ROLE


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "warn", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "warn", "Role orders")]
    assert messages(ID, FAILS) == [
        "Statement[0] allows every service account of every cluster: anyone who can create an "
        "association can use the role"
    ]
