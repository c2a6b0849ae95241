from checks.builder import DENIED, TARGET_ARN, chained, role, target_trust
from checks.grid import answers, messages
from podid.domain.snapshot import Known

ID = "target-role-trust-broken"
FAILS = chained(target=Known(role(TARGET_ARN, target_trust(actions="sts:AssumeRole"))))
UNKNOWN = chained(target=DENIED)
PASSES = chained()


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Role reports")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Role reports")]
    assert messages(ID, FAILS) == [
        "Statement[0] applies to arn:aws:iam::111122223333:role/orders, but does not allow "
        "sts:TagSession; both actions are required"
    ]
