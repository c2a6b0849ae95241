"""Error texts that can mean several failure modes, and in which order to look at these. A text that means one mode is
in the front matter of that mode's page.

A log matches when it holds all the fragments, whatever the case and the white space between words. The texts are those
of the agent (https://github.com/aws/eks-pod-identity-agent), of EKS and EKS Auth, and of the AWS SDKs.
"""

from typing import NamedTuple


class SharedText(NamedTuple):
    fragments: tuple[str, ...]
    ids: tuple[str, ...]


# the most frequent first
_UNAUTHORIZED = (
    "trust-missing-tag-session",
    "trust-wrong-principal",
    "role-not-found",
    "trust-condition-never-matches",
    "trust-request-tag-with-tags-disabled",
    "base-role-cannot-assume-target",
    "target-role-trust-broken",
    "external-id-mismatch",
    "scp-denies-eks-auth",
)
_SILENT = (
    "networkpolicy-blocks-agent",
    "cilium-host-entity",
    "sg-for-pods-blocks-agent",
    "host-firewall-blocks-link-local",
    "agent-not-installed",
    "agent-timeout-context-canceled",
    "eks-auth-unreachable",
    "windows-pod",
    "fargate-pod",
)
_REFUSED = ("agent-not-installed", "agent-not-on-node", "agent-pod-unhealthy", "node-startup-race", "fargate-pod")
_NO_LONGER = "removing credentials from cache, got non recoverable error"

SHARED: tuple[SharedText, ...] = (
    SharedText(("host should resolve to a loopback address",), ("sdk-too-old", "java-ipv6-host-rejected")),
    SharedText(("has an invalid host",), ("java-ipv6-host-rejected", "sdk-too-old")),
    SharedText(("service account token cannot be empty",), ("sdk-too-old", "injected-fields-hardcoded")),
    SharedText(("service account token cannot be parsed",), ("custom-credential-chain", "token-file-unreadable")),
    SharedText(("failed basic claim validations",), ("node-clock-skew", "custom-credential-chain")),
    SharedText(("called agent through invalid address",), ("service-mesh-intercepts", "pod-proxy-missing-no-proxy")),
    SharedText(("eks does not have permissions to assume the associated role",), _UNAUTHORIZED),
    SharedText(
        ("trust policy of the role provided is invalid",),
        ("trust-missing-tag-session", "trust-wrong-principal", "role-eventual-consistency"),
    ),
    SharedText(("role provided in the request does not exist",), ("role-eventual-consistency", "role-not-found")),
    SharedText(
        ("not authorized to perform: eks-auth:assumeroleforpodidentity",),
        ("node-role-missing-eks-auth", "scp-denies-eks-auth"),
    ),
    SharedText(
        ("not authorized to perform: sts:tagsession",),
        ("chained-assume-missing-tag-session", "base-role-cannot-assume-target", "external-id-mismatch"),
    ),
    SharedText(("no ec2 imds role found",), ("imds-fallback-node-role", "agent-imds-unavailable")),
    SharedText(("assumerolewithwebidentity",), ("irsa-env-still-active", "irsa-env-hardcoded")),
    SharedText(("169.254.170.23:80: connect: connection refused",), _REFUSED),
    SharedText(("169.254.170.23", "connection refused"), _REFUSED),
    SharedText(("169.254.170.23", "timeout"), _SILENT),
    SharedText(("169.254.170.23", "timed out"), _SILENT),
    SharedText(("statuscode: 0, requestid: , canceled",), ("agent-timeout-context-canceled", "eks-auth-unreachable")),
    SharedText((":80: bind: address already in use",), ("agent-port80-conflict", "addon-config-conflict")),
    SharedText(("didn't have free ports",), ("agent-port80-conflict", "addon-config-conflict")),
    SharedText(("unable to create interface",), ("stale-link-or-route", "agent-ipv6-bind")),
    SharedText((_NO_LONGER, "expiredtokenexception"), ("agent-expired-token-noise", "sa-recreated-token-invalid")),
    SharedText(
        (_NO_LONGER, "resourcenotfoundexception"),
        ("association-missing", "association-deleted-env-remains", "self-managed-cluster-name-wrong"),
    ),
    SharedText((_NO_LONGER, "accessdeniedexception"), ("node-role-missing-eks-auth", *_UNAUTHORIZED)),
    SharedText(("no cluster found for name",), ("tool-aws-denied", "self-managed-cluster-name-wrong")),
    SharedText(("unable to locate credentials",), ("pod-predates-association", "sa-mismatch", "association-missing")),
    SharedText(("no valid providers in chain",), ("pod-predates-association", "sa-mismatch", "association-missing")),
)
