from checks.builder import NO_PODS, healthy, pod, requested

FAILS = requested(healthy(pods=(pod(automount=False),)))
UNKNOWN = NO_PODS
FINDINGS = [("fail", "info", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "info", "Cluster prod")]
MESSAGES = [
    "automountServiceAccountToken is false in its pods; this does not affect Pod Identity, whose "
    "token has its own volume"
]
