from checks.builder import DENIED, healthy, logged

ID = "stale-link-or-route"
FAILS = logged(ID)
UNKNOWN = healthy(agent_pods=DENIED)
FINDINGS = [("fail", "error", "Node node-1"), ("pass", "error", "Pod kube-system/eks-pod-identity-agent-node-1")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
MESSAGES = ["occurred 3 times in the log of the agent on node node-1, last 2026-11-24 11:59:00 UTC, for shop/orders"]
