from podid.checks.shared import trust

trust_missing_tag_session = trust.check("trust-missing-tag-session")
