from checks.builder import DENIED, TARGET_ARN, chained, role, target_trust
from podid.domain.snapshot import Known

FAILS = chained(target=Known(role(TARGET_ARN, target_trust(StringEquals={"sts:ExternalId": "another"}))))
UNKNOWN = chained(target=DENIED)
PASSES = chained()
FINDINGS = [("fail", "error", "Role reports")]
UNKNOWNS = [("unknown", "error", "Role reports")]
MESSAGES = [
    "Statement[0] does not match: StringEquals sts:ExternalId requires another, but the request "
    "contains eu-west-1/111122223333/prod/shop/orders"
]
