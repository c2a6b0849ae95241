"""Every check there is, in the order in which credentials reach a pod: what comes first explains what follows."""

from importlib import import_module

from podid.checks.base import Check

# AREA.FILE below podid.checks
_IN_CAUSAL_ORDER = (
    "tool.tool_aws_denied",
    "tool.tool_k8s_rbac_denied",
    "tool.private_endpoint_unreachable",
    "cluster.unsupported_cluster_kind",
    "cluster.cluster_too_old",
    "association.association_missing",
    "association.association_namespace_not_found",
    "association.association_sa_not_found",
    "association.association_deleted_env_remains",
    "pod.sa_mismatch",
    "pod.pod_predates_association",
    "pod.association_propagation_race",
    "pod.injection_missed_webhook",
    "pod.injected_fields_hardcoded",
    "pod.irsa_env_still_active",
    "pod.irsa_env_hardcoded",
    "pod.static_aws_keys_shadow",
    "pod.sdk_too_old",
    "network.host_network_pod",
    "network.networkpolicy_blocks_agent",
    "network.cilium_host_entity",
    "network.sg_for_pods_blocks_agent",
    "network.service_mesh_intercepts",
    "network.pod_proxy_missing_no_proxy",
    "pod.fargate_pod",
    "pod.windows_pod",
    "agent.agent_not_installed",
    "agent.addon_config_conflict",
    "agent.agent_port80_conflict",
    "agent.agent_pod_unhealthy",
    "agent.addon_degraded_or_failed",
    "agent.agent_not_on_node",
    "node.scp_denies_eks_auth",
    "node.node_role_missing_eks_auth",
    "role.role_not_found",
    "trust.trust_wrong_principal",
    "trust.trust_missing_tag_session",
    "trust.trust_request_tag_with_tags_disabled",
    "trust.trust_condition_never_matches",
    "trust.trust_too_broad",
    "role.base_role_cannot_assume_target",
    "role.role_recreated",
    "role.external_id_mismatch",
    "role.target_role_trust_broken",
    "association.session_policy_misconfig",
)

ALL: tuple[Check, ...] = tuple(import_module(f"podid.checks.{name}").CHECK for name in _IN_CAUSAL_ORDER)
BY_ID = {check.id: check for check in ALL}
ORDER = {check.id: place for place, check in enumerate(ALL)}
