from podid.checks.shared.injection import of_pod_state

irsa_env_still_active = of_pod_state("irsa-env-still-active")
