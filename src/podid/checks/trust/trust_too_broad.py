from podid.checks.shared.trust import of_trust_policy

trust_too_broad = of_trust_policy("trust-too-broad")
