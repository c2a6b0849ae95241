from checks.builder import NO_LOG, logged

ID = "custom-credential-chain"
FAILS = logged(ID)
UNKNOWN = NO_LOG
FINDINGS = [("fail", "error", "Node node-1")]
UNKNOWNS = [("unknown", "warn", "Pod kube-system/agent")]
MESSAGES = ["occurred 3 times in the log of the agent on node node-1, last 2026-11-24 11:59:00 UTC, for shop/orders"]
