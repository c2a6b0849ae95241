"""Every check there is, in the order in which credentials reach a pod: what comes first explains what follows."""

from podid.checks import agent, association, injection, node_role, pods, roles, tool, trust
from podid.checks.base import Check

ALL: tuple[Check, ...] = (
    tool.tool_aws_denied,
    tool.tool_k8s_rbac_denied,
    tool.private_endpoint_unreachable,
    association.association_missing,
    association.association_namespace_not_found,
    association.association_sa_not_found,
    pods.association_deleted_env_remains,
    pods.sa_mismatch,
    injection.pod_predates_association,
    injection.association_propagation_race,
    injection.injection_missed_webhook,
    injection.irsa_env_still_active,
    pods.host_network_pod,
    pods.fargate_pod,
    pods.windows_pod,
    agent.agent_not_installed,
    agent.agent_pod_unhealthy,
    agent.addon_degraded_or_failed,
    agent.agent_not_on_node,
    node_role.node_role_missing_eks_auth,
    roles.role_not_found,
    trust.trust_wrong_principal,
    trust.trust_missing_tag_session,
    trust.trust_request_tag_with_tags_disabled,
    trust.trust_condition_never_matches,
    trust.trust_too_broad,
)

BY_ID = {check.id: check for check in ALL}
ORDER = {check.id: place for place, check in enumerate(ALL)}
