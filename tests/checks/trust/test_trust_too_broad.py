from checks.builder import NO_ROLE, with_trust

FAILS = with_trust(Null={"aws:SourceArn": "false"})
UNKNOWN = NO_ROLE
FINDINGS = [("fail", "warn", "Role orders")]
UNKNOWNS = [("unknown", "warn", "Role orders")]
MESSAGES = [
    "Statement[0] allows every service account of every cluster: anyone who can create an association can use the role"
]
