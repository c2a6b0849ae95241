from checks.builder import NO_ROLE, with_trust

FAILS = with_trust(StringEquals={"aws:SourceAccount": "999999999999"})
UNKNOWN = NO_ROLE
FINDINGS = [("fail", "error", "Role orders")]
UNKNOWNS = [("unknown", "error", "Role orders")]
MESSAGES = [
    "Statement[0] does not match: StringEquals aws:SourceAccount requires 999999999999, but EKS sends 111122223333"
]
