from checks.builder import NO_ROLE, with_trust

FAILS = with_trust(actions="sts:AssumeRole")
UNKNOWN = NO_ROLE
FINDINGS = [("fail", "error", "Role orders")]
UNKNOWNS = [("unknown", "error", "Role orders")]
MESSAGES = [
    "Statement[0] applies to pods.eks.amazonaws.com, but does not allow sts:TagSession; both actions are required"
]
