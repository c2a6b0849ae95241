from podid.checks.shared.trust import of_trust_policy

trust_missing_tag_session = of_trust_policy("trust-missing-tag-session")
