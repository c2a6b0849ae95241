from checks.builder import NO_ROLE, with_trust
from checks.grid import answers, messages

ID = "trust-condition-never-matches"
FAILS = with_trust(StringEquals={"aws:SourceAccount": "999999999999"})
UNKNOWN = NO_ROLE


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Role orders")]
    assert messages(ID, FAILS) == [
        "Statement[0] does not match: StringEquals aws:SourceAccount requires 999999999999, but EKS sends 111122223333"
    ]
