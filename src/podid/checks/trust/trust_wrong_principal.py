from podid.checks.shared import trust

trust_wrong_principal = trust.check("trust-wrong-principal")
