from checks.builder import DENIED, chained, permissions
from checks.grid import answers, messages
from podid.domain.snapshot import Known

ID = "base-role-cannot-assume-target"
FAILS = chained(decisions=Known(permissions("explicitDeny", "allowed")))
UNKNOWN = chained(decisions=DENIED)
PASSES = chained()


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Role orders")]
    assert messages(ID, FAILS) == [
        "role orders is not authorized to perform sts:AssumeRole on "
        "arn:aws:iam::111122223333:role/reports: a policy denies it"
    ]
