from podid.checks.shared.trust import of_trust_policy

trust_wrong_principal = of_trust_policy("trust-wrong-principal")
