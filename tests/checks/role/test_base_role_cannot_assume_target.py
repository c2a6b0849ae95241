from checks.builder import DENIED, chained, permissions
from podid.domain.snapshot import Known

FAILS = chained(decisions=Known(permissions("explicitDeny", "allowed")))
UNKNOWN = chained(decisions=DENIED)
PASSES = chained()
FINDINGS = [("fail", "error", "Role orders")]
UNKNOWNS = [("unknown", "error", "Role orders")]
MESSAGES = [
    "role orders is not authorized to perform sts:AssumeRole on "
    "arn:aws:iam::111122223333:role/reports: a policy denies it"
]
