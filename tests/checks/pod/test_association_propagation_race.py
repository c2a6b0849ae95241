from checks.builder import NO_PODS, bare, healthy, pod
from checks.pods import CREATED

FAILS = healthy(pods=(bare(pod(), created_at=CREATED),))
UNKNOWN = NO_PODS
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
MESSAGES = ["1 of 1 pod started within 60 s of a change of the association, before it reached the webhook"]
