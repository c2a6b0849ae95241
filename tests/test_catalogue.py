"""Every failure mode that is known of is told by somebody, or it is said why nobody can: none is forgotten."""

import pytest

from podid.checks.all import ALL, BY_ID
from podid.ops.doctor.sections import SECTIONS
from podid.pages.elsewhere import TOLD
from podid.pages.index import ENTRIES

# by the link of the way to credentials that they break; 0 is podid's own access
MODES = {
    0: "tool-aws-denied tool-k8s-rbac-denied kubeconfig-cluster-mismatch private-endpoint-unreachable",
    1: "association-missing association-sa-not-found association-namespace-not-found duplicate-association "
    "unused-association addon-owned-association addon-pod-identity-unsupported association-quota "
    "default-sa-association association-deleted-env-remains terraform-plan-never-converges",
    2: "sa-mismatch consumer-is-other-pod",
    3: "pod-predates-association association-propagation-race injection-missed-webhook injection-opted-out "
    "injected-fields-hardcoded irsa-annotation-leftover csi-driver-tokenrequest-missing cluster-too-old "
    "automount-false ephemeral-debug-container-no-env sa-recreated-token-invalid region-env-side-effect "
    "unsupported-cluster-kind webhook-config-altered",
    4: "sdk-too-old irsa-env-still-active static-aws-keys-shadow custom-credential-chain irsa-env-hardcoded "
    "bearer-token-prefix java-ipv6-host-rejected token-file-unreadable product-still-in-irsa-mode",
    5: "imds-fallback-node-role networkpolicy-blocks-agent imds-metadata-dependency ipv6-uri-on-ipv4-pods "
    "cilium-host-entity pod-proxy-missing-no-proxy sg-for-pods-blocks-agent service-mesh-intercepts "
    "host-firewall-blocks-link-local host-network-pod",
    6: "agent-not-installed agent-not-on-node agent-pod-unhealthy agent-ipv6-bind addon-degraded-or-failed "
    "agent-timeout-context-canceled agent-port80-conflict addon-config-conflict agent-outdated "
    "node-startup-race fargate-pod auto-mode-redundant-addon agent-expired-token-noise "
    "agent-probe-port-conflict agent-image-pull addon-config-schema-invalid windows-pod "
    "auto-mode-no-agent-logs hybrid-daemonset-missing self-managed-cluster-name-wrong "
    "admission-policy-blocks-agent cni-depends-on-agent agent-hijacked-by-default-sa stale-link-or-route "
    "iso-partition-ca-bundle node-clock-skew",
    7: "node-role-missing-eks-auth scp-denies-eks-auth agent-imds-unavailable",
    8: "eks-auth-unreachable eks-auth-throttled agent-proxy-misconfig custom-eks-auth-endpoint",
    9: "trust-missing-tag-session trust-wrong-principal role-not-found role-eventual-consistency "
    "trust-condition-never-matches trust-too-broad base-role-cannot-assume-target target-role-trust-broken "
    "passrole-denied cross-account-role-arn role-recreated trust-request-tag-with-tags-disabled "
    "external-id-mismatch cached-credentials-after-change roles-shared-across-associations",
    10: "chained-assume-missing-tag-session role-no-permissions packed-policy-too-large "
    "permissions-boundary-denies session-policy-misconfig session-name-changed app-assumes-own-role "
    "preset-moved-on",
}
# what no look at AWS and Kubernetes shows by itself
ONLY_WITH = {
    "logs": "bearer-token-prefix custom-credential-chain stale-link-or-route agent-timeout-context-canceled "
    "eks-auth-throttled",
    "cloudtrail": "packed-policy-too-large",
}
SHARPER_WITH = {
    "cloudtrail": "sdk-too-old custom-eks-auth-endpoint",
    "verify": "scp-denies-eks-auth",
    "probe": "host-firewall-blocks-link-local",
}


def test_each_has_a_page_and_is_told_by_a_check_or_elsewhere() -> None:
    known = {mode: link for link, modes in MODES.items() for mode in modes.split()}
    assert {entry.id: entry.link for entry in ENTRIES} == known
    assert known.keys() == BY_ID.keys() | TOLD.keys()
    assert not BY_ID.keys() & TOLD.keys()


@pytest.mark.parametrize(("table", "member"), [(ONLY_WITH, "needs"), (SHARPER_WITH, "wants")])
def test_what_takes_an_option(table: dict[str, str], member: str) -> None:
    options = {row.name: row.option for row in SECTIONS if row.option}
    found: dict[str, set[str]] = {}
    for check in ALL:
        for name in getattr(check, member):
            if name in options:
                found.setdefault(options[name], set()).add(check.id)
    assert found == {option: set(modes.split()) for option, modes in table.items()}
