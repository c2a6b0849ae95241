from checks.builder import NO_PODS, healthy, pod

FAILS = healthy(pods=(pod(ephemeral=("debugger",)),))
UNKNOWN = NO_PODS
FINDINGS = [("fail", "info", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "info", "Cluster prod")]
MESSAGES = ["1 of 1 pod has debug containers, which get no credentials"]
