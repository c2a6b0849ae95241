from checks.builder import NO_PODS, healthy
from checks.pods import IRSA

FAILS = healthy(pods=(IRSA,))
UNKNOWN = NO_PODS
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
MESSAGES = ["1 of 1 pod started with the IRSA web identity (AWS_WEB_IDENTITY_TOKEN_FILE) instead of Pod Identity"]
