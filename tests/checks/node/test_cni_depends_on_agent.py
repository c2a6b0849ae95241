from checks.builder import DENIED, NODE_ROLE_ARN, healthy, permissions
from podid.domain.snapshot import Known

FAILS = healthy(cni_permissions={NODE_ROLE_ARN: Known(permissions("implicitDeny", "implicitDeny"))})
UNKNOWN = healthy(cni_permissions={NODE_ROLE_ARN: DENIED})
PASSES = healthy(cni_permissions={NODE_ROLE_ARN: Known(permissions())})
FINDINGS = [("fail", "warn", "Role nodes")]
UNKNOWNS = [("unknown", "warn", "Role nodes")]
MESSAGES = [
    "kube-system/aws-node has its permissions only from Pod Identity: if the agent of a node fails, "
    "new pods there get no network"
]
