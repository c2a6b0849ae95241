from typing import Any

from checks.builder import DENIED, agent_pod, cluster, healthy
from podid.domain.snapshot import Known, Snapshot


def isolated(warnings: Any) -> Snapshot:
    arn = "arn:aws-iso:eks:us-iso-east-1:111122223333:cluster/prod"
    stuck = agent_pod(phase="Pending", ready=False)
    return healthy(
        cluster=cluster(arn=arn), agent_pods=(stuck,), agent_warnings={f"kube-system/{stuck.name}": warnings}
    )


FAILS = isolated(Known(("hostPath type check failed: /etc/pki/tls/certs/ca-bundle.crt is not a file",)))
UNKNOWN = isolated(DENIED)
PASSES = isolated(Known(("no route to host",)))
FINDINGS = [("fail", "error", "Pod kube-system/eks-pod-identity-agent-node-1")]
UNKNOWNS = [("unknown", "error", "Pod kube-system/eks-pod-identity-agent-node-1")]
MESSAGES = [
    "the agent on node node-1 does not start: the node has no CA bundle at the expected path: "
    "hostPath type check failed: /etc/pki/tls/certs/ca-bundle.crt is not a file"
]
