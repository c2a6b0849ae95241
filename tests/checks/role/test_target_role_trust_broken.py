from checks.builder import DENIED, TARGET_ARN, chained, role, target_trust
from podid.domain.snapshot import Known

FAILS = chained(target=Known(role(TARGET_ARN, target_trust(actions="sts:AssumeRole"))))
UNKNOWN = chained(target=DENIED)
PASSES = chained()
FINDINGS = [("fail", "error", "Role reports")]
UNKNOWNS = [("unknown", "error", "Role reports")]
MESSAGES = [
    "Statement[0] applies to arn:aws:iam::111122223333:role/orders, but does not allow "
    "sts:TagSession; both actions are required"
]
