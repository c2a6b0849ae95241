from checks.builder import NO_ROLE, with_trust

FAILS = with_trust(principal="ec2.amazonaws.com")
UNKNOWN = NO_ROLE
FINDINGS = [("fail", "error", "Role orders")]
UNKNOWNS = [("unknown", "error", "Role orders")]
MESSAGES = ["no statement allows pods.eks.amazonaws.com: the trust policy names ec2.amazonaws.com"]
