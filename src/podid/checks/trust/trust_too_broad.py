from podid.checks.shared import trust

trust_too_broad = trust.check("trust-too-broad")
