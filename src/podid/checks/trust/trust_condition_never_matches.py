from podid.checks.shared import trust

trust_condition_never_matches = trust.check("trust-condition-never-matches")
