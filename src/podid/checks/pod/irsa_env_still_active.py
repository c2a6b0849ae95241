from podid.checks.shared import injection

irsa_env_still_active = injection.check("irsa-env-still-active")
