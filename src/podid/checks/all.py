"""Every check, in the order in which credentials reach a pod: earlier failures explain later ones."""

from importlib import import_module

from podid.checks.base import Check


def _checks(*paths: str) -> tuple[Check, ...]:
    """Return the checks of AREA/ID: each has the name of its module."""
    return tuple(map(_check, paths))


def _check(path: str) -> Check:
    area, name = path.replace("-", "_").split("/")
    check: Check = getattr(import_module(f"podid.checks.{area}.{name}"), name)
    return check


ALL = _checks(
    "tool/tool-aws-denied",
    "tool/tool-k8s-rbac-denied",
    "tool/private-endpoint-unreachable",
    "cluster/unsupported-cluster-kind",
    "cluster/cluster-too-old",
    "association/association-missing",
    "association/association-namespace-not-found",
    "association/association-sa-not-found",
    "association/association-deleted-env-remains",
    "association/cross-account-role-arn",
    "association/default-sa-association",
    "association/addon-owned-association",
    "association/association-quota",
    "association/unused-association",
    "pod/sa-mismatch",
    "association/consumer-is-other-pod",
    "pod/pod-predates-association",
    "pod/association-propagation-race",
    "pod/webhook-config-altered",
    "pod/injection-missed-webhook",
    "pod/injected-fields-hardcoded",
    "pod/token-audience",
    "pod/csi-driver-tokenrequest-missing",
    "pod/irsa-env-still-active",
    "pod/irsa-env-hardcoded",
    "pod/static-aws-keys-shadow",
    "pod/product-still-in-irsa-mode",
    "pod/sdk-too-old",
    "pod/java-ipv6-host-rejected",
    "pod/bearer-token-prefix",
    "pod/custom-credential-chain",
    "pod/injection-opted-out",
    "pod/ephemeral-debug-container-no-env",
    "pod/irsa-annotation-leftover",
    "pod/irsa-role-trusts-pods-only",
    "pod/automount-false",
    "pod/sa-recreated-token-invalid",
    "network/host-network-pod",
    "network/ipv6-uri-on-ipv4-pods",
    "network/networkpolicy-blocks-agent",
    "network/cilium-host-entity",
    "network/host-firewall-blocks-link-local",
    "network/sg-for-pods-blocks-agent",
    "network/service-mesh-intercepts",
    "network/pod-proxy-missing-no-proxy",
    "network/imds-metadata-dependency",
    "network/imds-fallback-node-role",
    "pod/fargate-pod",
    "pod/windows-pod",
    "agent/agent-not-installed",
    "agent/admission-policy-blocks-agent",
    "agent/addon-config-conflict",
    "agent/agent-port80-conflict",
    "agent/agent-hijacked-by-default-sa",
    "agent/agent-probe-port-conflict",
    "agent/agent-image-pull",
    "agent/iso-partition-ca-bundle",
    "agent/stale-link-or-route",
    "agent/agent-ipv6-bind",
    "agent/agent-pod-unhealthy",
    "agent/addon-degraded-or-failed",
    "agent/agent-not-on-node",
    "agent/hybrid-daemonset-missing",
    "agent/self-managed-cluster-name-wrong",
    "agent/auto-mode-redundant-addon",
    "agent/agent-outdated",
    "agent/addon-blocks-upgrade",
    "agent/agent-proxy-misconfig",
    "agent/node-startup-race",
    "node/node-clock-skew",
    "node/agent-imds-unavailable",
    "node/cni-depends-on-agent",
    "node/scp-denies-eks-auth",
    "node/node-role-missing-eks-auth",
    "node/eks-auth-unreachable",
    "node/custom-eks-auth-endpoint",
    "node/eks-auth-throttled",
    # the effect of all of these on pods
    "agent/agent-timeout-context-canceled",
    "role/role-not-found",
    "trust/trust-wrong-principal",
    "trust/trust-missing-tag-session",
    "trust/trust-request-tag-with-tags-disabled",
    "trust/trust-condition-never-matches",
    "trust/trust-too-broad",
    "role/roles-shared-across-associations",
    "role/permissions-boundary-denies",
    "role/base-role-cannot-assume-target",
    "role/role-recreated",
    "role/external-id-mismatch",
    "role/target-role-trust-broken",
    "association/session-policy-misconfig",
    "role/role-no-permissions",
    "role/app-assumes-own-role",
    "role/packed-policy-too-large",
    "role/chained-assume-missing-tag-session",
    "pod/cached-credentials-after-change",
)
# further checks of `podid audit`: excessive permissions and exposed identities, which break nothing
AUDIT = _checks(
    "audit/trust-wider-than-use",
    "audit/trust-without-source",
    "audit/cross-account-trust-without-external-id",
    "audit/irsa-still-allowed",
    "audit/role-administrator",
    "audit/role-passes-any-role",
    "audit/role-assumes-any-role",
    "audit/role-privilege-escalation",
    "audit/policy-uses-disabled-session-tags",
    "audit/role-passable-by-others",
    "audit/identity-open-to-others",
    "audit/imds-open-to-pods",
    "audit/access-keys-in-cluster",
    "audit/iam-quota",
    "audit/guard-violated",
)
# checks of the doctor that `podid audit` makes too
AUDITED = (
    *_checks(
        "association/association-namespace-not-found",
        "association/association-sa-not-found",
        "association/default-sa-association",
        "association/association-quota",
        "association/unused-association",
        "role/role-not-found",
        "trust/trust-too-broad",
        "role/roles-shared-across-associations",
    ),
    *AUDIT,
)
BY_ID = {check.id: check for check in (*ALL, *AUDIT)}
ORDER = {name: place for place, name in enumerate(BY_ID)}
