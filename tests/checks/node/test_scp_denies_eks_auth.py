from dataclasses import replace

from checks.builder import DENIED, NODE_ROLE_ARN, REFUSED, healthy
from podid.domain.snapshot import Known

FAILS = healthy(node_role_allowed={NODE_ROLE_ARN: Known(replace(REFUSED.value, organization_allows=False))})
UNKNOWN = healthy(node_role_allowed={NODE_ROLE_ARN: DENIED})
FINDINGS = [("fail", "error", "Role nodes"), ("pass", "error", "ServiceAccount shop/orders")]
UNKNOWNS = [("unknown", "error", "Role nodes"), ("pass", "error", "ServiceAccount shop/orders")]
MESSAGES = [
    "a service control policy denies eks-auth:AssumeRoleForPodIdentity to role nodes of node group "
    "workers (arn:aws:iam::111122223333:role/nodes): no pod there gets credentials"
]
