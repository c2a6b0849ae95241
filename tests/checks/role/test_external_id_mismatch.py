from checks.builder import DENIED, TARGET_ARN, chained, role, target_trust
from checks.grid import answers, messages
from podid.domain.snapshot import Known

ID = "external-id-mismatch"
FAILS = chained(target=Known(role(TARGET_ARN, target_trust(StringEquals={"sts:ExternalId": "another"}))))
UNKNOWN = chained(target=DENIED)
PASSES = chained()


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Role reports")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Role reports")]
    assert messages(ID, FAILS) == [
        "Statement[0] does not match: StringEquals sts:ExternalId requires another, but the request "
        "contains eu-west-1/111122223333/prod/shop/orders"
    ]
