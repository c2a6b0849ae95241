from podid.checks.shared.trust import of_trust_policy

trust_condition_never_matches = of_trust_policy("trust-condition-never-matches")
