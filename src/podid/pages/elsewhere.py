"""Failure modes that no check looks for: who tells them instead, or why nobody can."""

TOLD: dict[str, str] = {
    "role-eventual-consistency": "`associate` and `role create` wait for it, and name it when it lasts",
    "duplicate-association": "`associate` and `addon associate` name it; no cluster can be in this state",
    "addon-pod-identity-unsupported": "`addon list` shows it, `addon associate` refuses before EKS does",
    "passrole-denied": "`associate` names it, `doctor --me --for associate` beforehand",
    "agent-expired-token-noise": "`agent logs` counts it as noise",
    "addon-config-schema-invalid": "`install-agent` refuses before EKS does; no cluster can be in this state",
    "auto-mode-no-agent-logs": "`agent logs` says so of each such node",
    "preset-moved-on": "`role show`, where its policy came from a preset",
    "kubeconfig-cluster-mismatch": "every command that reads Kubernetes stops there, before a check could run",
    "session-name-changed": "nobody: policies of other resources are not read; `explain` by an error text",
    "terraform-plan-never-converges": "nobody: it is in Terraform's state, and nothing of the cluster is wrong",
    "token-file-unreadable": "nobody: what may be read is only seen inside the container; `explain` by an error text",
    "region-env-side-effect": "nobody: where a region should be another one is the application's own affair",
}
