"""Every check, in the order in which credentials reach a pod: earlier failures explain later ones."""

from podid.checks.agent.addon_blocks_upgrade import addon_blocks_upgrade
from podid.checks.agent.addon_config_conflict import addon_config_conflict
from podid.checks.agent.addon_degraded_or_failed import addon_degraded_or_failed
from podid.checks.agent.admission_policy_blocks_agent import admission_policy_blocks_agent
from podid.checks.agent.agent_hijacked_by_default_sa import agent_hijacked_by_default_sa
from podid.checks.agent.agent_image_pull import agent_image_pull
from podid.checks.agent.agent_ipv6_bind import agent_ipv6_bind
from podid.checks.agent.agent_not_installed import agent_not_installed
from podid.checks.agent.agent_not_on_node import agent_not_on_node
from podid.checks.agent.agent_outdated import agent_outdated
from podid.checks.agent.agent_pod_unhealthy import agent_pod_unhealthy
from podid.checks.agent.agent_port80_conflict import agent_port80_conflict
from podid.checks.agent.agent_probe_port_conflict import agent_probe_port_conflict
from podid.checks.agent.agent_proxy_misconfig import agent_proxy_misconfig
from podid.checks.agent.agent_timeout_context_canceled import agent_timeout_context_canceled
from podid.checks.agent.auto_mode_redundant_addon import auto_mode_redundant_addon
from podid.checks.agent.hybrid_daemonset_missing import hybrid_daemonset_missing
from podid.checks.agent.iso_partition_ca_bundle import iso_partition_ca_bundle
from podid.checks.agent.node_startup_race import node_startup_race
from podid.checks.agent.self_managed_cluster_name_wrong import self_managed_cluster_name_wrong
from podid.checks.agent.stale_link_or_route import stale_link_or_route
from podid.checks.association.addon_owned_association import addon_owned_association
from podid.checks.association.association_deleted_env_remains import association_deleted_env_remains
from podid.checks.association.association_missing import association_missing
from podid.checks.association.association_namespace_not_found import association_namespace_not_found
from podid.checks.association.association_quota import association_quota
from podid.checks.association.association_sa_not_found import association_sa_not_found
from podid.checks.association.consumer_is_other_pod import consumer_is_other_pod
from podid.checks.association.cross_account_role_arn import cross_account_role_arn
from podid.checks.association.default_sa_association import default_sa_association
from podid.checks.association.session_policy_misconfig import session_policy_misconfig
from podid.checks.association.unused_association import unused_association
from podid.checks.audit.access_keys_in_cluster import access_keys_in_cluster
from podid.checks.audit.cross_account_trust_without_external_id import cross_account_trust_without_external_id
from podid.checks.audit.guard_violated import guard_violated
from podid.checks.audit.iam_quota import iam_quota
from podid.checks.audit.identity_open_to_others import identity_open_to_others
from podid.checks.audit.imds_open_to_pods import imds_open_to_pods
from podid.checks.audit.irsa_still_allowed import irsa_still_allowed
from podid.checks.audit.policy_uses_disabled_session_tags import policy_uses_disabled_session_tags
from podid.checks.audit.role_administrator import role_administrator
from podid.checks.audit.role_assumes_any_role import role_assumes_any_role
from podid.checks.audit.role_passable_by_others import role_passable_by_others
from podid.checks.audit.role_passes_any_role import role_passes_any_role
from podid.checks.audit.role_privilege_escalation import role_privilege_escalation
from podid.checks.audit.trust_wider_than_use import trust_wider_than_use
from podid.checks.audit.trust_without_source import trust_without_source
from podid.checks.base import Check
from podid.checks.cluster.cluster_too_old import cluster_too_old
from podid.checks.cluster.unsupported_cluster_kind import unsupported_cluster_kind
from podid.checks.network.cilium_host_entity import cilium_host_entity
from podid.checks.network.host_firewall_blocks_link_local import host_firewall_blocks_link_local
from podid.checks.network.host_network_pod import host_network_pod
from podid.checks.network.imds_fallback_node_role import imds_fallback_node_role
from podid.checks.network.imds_metadata_dependency import imds_metadata_dependency
from podid.checks.network.ipv6_uri_on_ipv4_pods import ipv6_uri_on_ipv4_pods
from podid.checks.network.networkpolicy_blocks_agent import networkpolicy_blocks_agent
from podid.checks.network.pod_proxy_missing_no_proxy import pod_proxy_missing_no_proxy
from podid.checks.network.service_mesh_intercepts import service_mesh_intercepts
from podid.checks.network.sg_for_pods_blocks_agent import sg_for_pods_blocks_agent
from podid.checks.node.agent_imds_unavailable import agent_imds_unavailable
from podid.checks.node.cni_depends_on_agent import cni_depends_on_agent
from podid.checks.node.custom_eks_auth_endpoint import custom_eks_auth_endpoint
from podid.checks.node.eks_auth_throttled import eks_auth_throttled
from podid.checks.node.eks_auth_unreachable import eks_auth_unreachable
from podid.checks.node.node_clock_skew import node_clock_skew
from podid.checks.node.node_role_missing_eks_auth import node_role_missing_eks_auth
from podid.checks.node.scp_denies_eks_auth import scp_denies_eks_auth
from podid.checks.pod.association_propagation_race import association_propagation_race
from podid.checks.pod.automount_false import automount_false
from podid.checks.pod.bearer_token_prefix import bearer_token_prefix
from podid.checks.pod.cached_credentials_after_change import cached_credentials_after_change
from podid.checks.pod.csi_driver_tokenrequest_missing import csi_driver_tokenrequest_missing
from podid.checks.pod.custom_credential_chain import custom_credential_chain
from podid.checks.pod.ephemeral_debug_container_no_env import ephemeral_debug_container_no_env
from podid.checks.pod.fargate_pod import fargate_pod
from podid.checks.pod.injected_fields_hardcoded import injected_fields_hardcoded
from podid.checks.pod.injection_missed_webhook import injection_missed_webhook
from podid.checks.pod.injection_opted_out import injection_opted_out
from podid.checks.pod.irsa_annotation_leftover import irsa_annotation_leftover
from podid.checks.pod.irsa_env_hardcoded import irsa_env_hardcoded
from podid.checks.pod.irsa_env_still_active import irsa_env_still_active
from podid.checks.pod.irsa_role_trusts_pods_only import irsa_role_trusts_pods_only
from podid.checks.pod.java_ipv6_host_rejected import java_ipv6_host_rejected
from podid.checks.pod.pod_predates_association import pod_predates_association
from podid.checks.pod.product_still_in_irsa_mode import product_still_in_irsa_mode
from podid.checks.pod.sa_mismatch import sa_mismatch
from podid.checks.pod.sa_recreated_token_invalid import sa_recreated_token_invalid
from podid.checks.pod.sdk_too_old import sdk_too_old
from podid.checks.pod.static_aws_keys_shadow import static_aws_keys_shadow
from podid.checks.pod.token_audience import token_audience
from podid.checks.pod.webhook_config_altered import webhook_config_altered
from podid.checks.pod.windows_pod import windows_pod
from podid.checks.role.app_assumes_own_role import app_assumes_own_role
from podid.checks.role.base_role_cannot_assume_target import base_role_cannot_assume_target
from podid.checks.role.chained_assume_missing_tag_session import chained_assume_missing_tag_session
from podid.checks.role.external_id_mismatch import external_id_mismatch
from podid.checks.role.packed_policy_too_large import packed_policy_too_large
from podid.checks.role.permissions_boundary_denies import permissions_boundary_denies
from podid.checks.role.role_no_permissions import role_no_permissions
from podid.checks.role.role_not_found import role_not_found
from podid.checks.role.role_recreated import role_recreated
from podid.checks.role.roles_shared_across_associations import roles_shared_across_associations
from podid.checks.role.target_role_trust_broken import target_role_trust_broken
from podid.checks.tool.private_endpoint_unreachable import private_endpoint_unreachable
from podid.checks.tool.tool_aws_denied import tool_aws_denied
from podid.checks.tool.tool_k8s_rbac_denied import tool_k8s_rbac_denied
from podid.checks.trust.trust_condition_never_matches import trust_condition_never_matches
from podid.checks.trust.trust_missing_tag_session import trust_missing_tag_session
from podid.checks.trust.trust_request_tag_with_tags_disabled import trust_request_tag_with_tags_disabled
from podid.checks.trust.trust_too_broad import trust_too_broad
from podid.checks.trust.trust_wrong_principal import trust_wrong_principal

ALL: tuple[Check, ...] = (
    tool_aws_denied,
    tool_k8s_rbac_denied,
    private_endpoint_unreachable,
    unsupported_cluster_kind,
    cluster_too_old,
    association_missing,
    association_namespace_not_found,
    association_sa_not_found,
    association_deleted_env_remains,
    cross_account_role_arn,
    default_sa_association,
    addon_owned_association,
    association_quota,
    unused_association,
    sa_mismatch,
    consumer_is_other_pod,
    # no other fix helps such pods
    fargate_pod,
    windows_pod,
    pod_predates_association,
    association_propagation_race,
    webhook_config_altered,
    injection_missed_webhook,
    injected_fields_hardcoded,
    token_audience,
    csi_driver_tokenrequest_missing,
    irsa_env_still_active,
    irsa_env_hardcoded,
    static_aws_keys_shadow,
    product_still_in_irsa_mode,
    sdk_too_old,
    java_ipv6_host_rejected,
    bearer_token_prefix,
    custom_credential_chain,
    injection_opted_out,
    ephemeral_debug_container_no_env,
    irsa_annotation_leftover,
    irsa_role_trusts_pods_only,
    automount_false,
    sa_recreated_token_invalid,
    host_network_pod,
    ipv6_uri_on_ipv4_pods,
    networkpolicy_blocks_agent,
    cilium_host_entity,
    host_firewall_blocks_link_local,
    sg_for_pods_blocks_agent,
    service_mesh_intercepts,
    pod_proxy_missing_no_proxy,
    imds_metadata_dependency,
    imds_fallback_node_role,
    agent_not_installed,
    admission_policy_blocks_agent,
    addon_config_conflict,
    agent_port80_conflict,
    agent_hijacked_by_default_sa,
    agent_probe_port_conflict,
    agent_image_pull,
    iso_partition_ca_bundle,
    stale_link_or_route,
    agent_ipv6_bind,
    agent_pod_unhealthy,
    addon_degraded_or_failed,
    agent_not_on_node,
    hybrid_daemonset_missing,
    self_managed_cluster_name_wrong,
    auto_mode_redundant_addon,
    agent_outdated,
    addon_blocks_upgrade,
    agent_proxy_misconfig,
    node_startup_race,
    node_clock_skew,
    agent_imds_unavailable,
    cni_depends_on_agent,
    scp_denies_eks_auth,
    node_role_missing_eks_auth,
    eks_auth_unreachable,
    custom_eks_auth_endpoint,
    eks_auth_throttled,
    # the effect of all of these on pods
    agent_timeout_context_canceled,
    role_not_found,
    trust_wrong_principal,
    trust_missing_tag_session,
    trust_request_tag_with_tags_disabled,
    trust_condition_never_matches,
    trust_too_broad,
    roles_shared_across_associations,
    permissions_boundary_denies,
    base_role_cannot_assume_target,
    role_recreated,
    external_id_mismatch,
    target_role_trust_broken,
    session_policy_misconfig,
    role_no_permissions,
    app_assumes_own_role,
    packed_policy_too_large,
    chained_assume_missing_tag_session,
    cached_credentials_after_change,
)
# further checks of `podid audit`: excessive permissions and exposed identities, which break nothing
AUDIT: tuple[Check, ...] = (
    trust_wider_than_use,
    trust_without_source,
    cross_account_trust_without_external_id,
    irsa_still_allowed,
    role_administrator,
    role_passes_any_role,
    role_assumes_any_role,
    role_privilege_escalation,
    policy_uses_disabled_session_tags,
    role_passable_by_others,
    identity_open_to_others,
    imds_open_to_pods,
    access_keys_in_cluster,
    iam_quota,
    guard_violated,
)
# checks of the doctor that `podid audit` makes too
AUDITED: tuple[Check, ...] = (
    association_namespace_not_found,
    association_sa_not_found,
    default_sa_association,
    association_quota,
    unused_association,
    role_not_found,
    trust_too_broad,
    roles_shared_across_associations,
    *AUDIT,
)
BY_ID = {check.id: check for check in (*ALL, *AUDIT)}
ORDER = {name: place for place, name in enumerate(BY_ID)}
