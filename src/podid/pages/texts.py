"""Which error texts mean which failure modes, and in which order to look at these.

A rule matches a text that holds all its fragments, whatever the case and the white space between words. The texts are
those of the agent (https://github.com/aws/eks-pod-identity-agent), of EKS and EKS Auth, and of the AWS SDKs. Pages add
rules of their own with the `texts` in their front matter.
"""

from typing import NamedTuple


class Rule(NamedTuple):
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

RULES: tuple[Rule, ...] = (
    Rule(("only loopback hosts are allowed",), ("sdk-too-old",)),
    Rule(("unsupported host '169.254.170.23'",), ("sdk-too-old",)),
    Rule(("unsupported host 'fd00:ec2::23'",), ("sdk-too-old",)),
    Rule(("is not a valid container metadata service hostname",), ("sdk-too-old",)),
    Rule(("host should resolve to a loopback address",), ("sdk-too-old", "java-ipv6-host-rejected")),
    Rule(("has an invalid host",), ("java-ipv6-host-rejected", "sdk-too-old")),
    Rule(("getaddrinfo enotfound [fd00:ec2::23]",), ("ipv6-uri-on-ipv4-pods",)),
    Rule(("service account token cannot be empty",), ("sdk-too-old", "injected-fields-hardcoded")),
    Rule(("illegal base64 data at input byte 6",), ("bearer-token-prefix",)),
    Rule(("service account token cannot be parsed",), ("custom-credential-chain", "token-file-unreadable")),
    Rule(("failed basic claim validations",), ("node-clock-skew", "custom-credential-chain")),
    Rule(("not a legal header value",), ("token-file-unreadable",)),
    Rule(("called agent through invalid address",), ("service-mesh-intercepts", "pod-proxy-missing-no-proxy")),
    Rule(("eks does not have permissions to assume the associated role",), _UNAUTHORIZED),
    Rule(("cross-account pass role is not allowed",), ("cross-account-role-arn",)),
    Rule(
        ("trust policy of the role provided is invalid",),
        ("trust-missing-tag-session", "trust-wrong-principal", "role-eventual-consistency"),
    ),
    Rule(("role provided in the request does not exist",), ("role-eventual-consistency", "role-not-found")),
    Rule(("association already exists",), ("duplicate-association",)),
    Rule(("resourceinuseexception",), ("duplicate-association",)),
    Rule(("resourcelimitexceededexception",), ("association-quota",)),
    Rule(("not authorized to perform: iam:passrole",), ("passrole-denied",)),
    Rule(
        ("not authorized to perform: eks-auth:assumeroleforpodidentity",),
        ("node-role-missing-eks-auth", "scp-denies-eks-auth"),
    ),
    Rule(
        ("not authorized to perform: sts:tagsession",),
        ("chained-assume-missing-tag-session", "base-role-cannot-assume-target", "external-id-mismatch"),
    ),
    Rule(("explicit deny in a service control policy",), ("scp-denies-eks-auth",)),
    Rule(("explicit deny in a resource control policy",), ("scp-denies-eks-auth",)),
    Rule(("no permissions boundary allows",), ("permissions-boundary-denies",)),
    Rule(("no session policy allows",), ("session-policy-misconfig",)),
    Rule(("packed size of session tags consumes",), ("packed-policy-too-large",)),
    Rule(("packedpolicytoolarge",), ("packed-policy-too-large",)),
    Rule(("assumed-role/", "/i-0", "not authorized"), ("imds-fallback-node-role",)),
    Rule(("no ec2 imds role found",), ("imds-fallback-node-role", "agent-imds-unavailable")),
    Rule(("failed to get vpc id",), ("imds-metadata-dependency",)),
    Rule(("failed to introspect region",), ("imds-metadata-dependency",)),
    Rule(("assumerolewithwebidentity",), ("irsa-env-still-active", "irsa-env-hardcoded")),
    Rule(("invalidclienttokenid",), ("static-aws-keys-shadow",)),
    Rule(("169.254.170.23:80: connect: connection refused",), _REFUSED),
    Rule(("169.254.170.23", "connection refused"), _REFUSED),
    Rule(("169.254.170.23", "timeout"), _SILENT),
    Rule(("169.254.170.23", "timed out"), _SILENT),
    Rule(("statuscode: 0, requestid: , canceled",), ("agent-timeout-context-canceled", "eks-auth-unreachable")),
    Rule(("lookup eks-auth.", "no such host"), ("eks-auth-unreachable",)),
    Rule(("rate limited! will try to keep creds locally",), ("eks-auth-throttled",)),
    Rule(("throttlingexception",), ("eks-auth-throttled",)),
    Rule(("failed to complete active request",), ("eks-auth-throttled",)),
    Rule(("too many requests",), ("eks-auth-throttled",)),
    Rule(("[fd00:ec2::23]:80: bind: cannot assign requested address",), ("agent-ipv6-bind",)),
    Rule((":80: bind: address already in use",), ("agent-port80-conflict", "addon-config-conflict")),
    Rule(("didn't have free ports",), ("agent-port80-conflict", "addon-config-conflict")),
    Rule(("2703", "address already in use"), ("agent-probe-port-conflict",)),
    Rule(("expected 404, got",), ("agent-probe-port-conflict",)),
    Rule(("please remove route and try again",), ("stale-link-or-route",)),
    Rule(("unable to create interface",), ("stale-link-or-route", "agent-ipv6-bind")),
    Rule((_NO_LONGER, "expiredtokenexception"), ("agent-expired-token-noise", "sa-recreated-token-invalid")),
    Rule(
        (_NO_LONGER, "resourcenotfoundexception"),
        ("association-missing", "association-deleted-env-remains", "self-managed-cluster-name-wrong"),
    ),
    Rule((_NO_LONGER, "accessdeniedexception"), ("node-role-missing-eks-auth", *_UNAUTHORIZED)),
    Rule(("no cluster found for name",), ("tool-aws-denied", "self-managed-cluster-name-wrong")),
    Rule(("pod identity feature is not supported for addon version",), ("addon-pod-identity-unsupported",)),
    Rule(("is not supported for addon",), ("addon-pod-identity-unsupported",)),
    Rule(("json schema validation failed",), ("addon-config-schema-invalid",)),
    Rule(("admission webhook", "denied", "eks-pod-identity-agent"), ("admission-policy-blocks-agent",)),
    Rule(("unable to locate credentials",), ("pod-predates-association", "sa-mismatch", "association-missing")),
    Rule(("no valid providers in chain",), ("pod-predates-association", "sa-mismatch", "association-missing")),
    Rule(("token has expired and refresh failed",), ("tool-aws-denied",)),
    Rule(("is forbidden: user", "cannot list resource"), ("tool-k8s-rbac-denied",)),
)
