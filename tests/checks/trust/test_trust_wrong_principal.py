from checks.builder import NO_ROLE, with_trust
from checks.grid import answers, messages

ID = "trust-wrong-principal"
FAILS = with_trust(principal="ec2.amazonaws.com")
UNKNOWN = NO_ROLE


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Role orders")]
    assert messages(ID, FAILS) == [
        "no statement allows pods.eks.amazonaws.com: the trust policy names ec2.amazonaws.com"
    ]
