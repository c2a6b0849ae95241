"""Error texts that take more than one fragment, or that can mean several failure modes, and in which order to look at
these. A single text that means one mode is in the front matter of that mode's page.

Texts are compared without white space, in lower case, with one kind of quote: see `podid.ops.errortext`. They are those
of the agent (https://github.com/aws/eks-pod-identity-agent), of EKS and EKS Auth, and of the AWS SDKs.

`weight` says how much a text decides. 8 and 9: nothing else says this. 6 and 7: a text of Pod Identity, of its agent or
of its add-on. 4 and 5: a text of AWS that rarely means something else. 3 and less: anybody's text; it decides only
beside a word of Pod Identity (`COMPANIONS`), and never outranks one of the others.
"""

from typing import NamedTuple

GENERIC = 3


class SharedText(NamedTuple):
    """`fragments` must all be in a text, in any order; a `pattern`, where there is one, is looked for instead."""

    weight: int
    ids: tuple[str, ...]
    fragments: tuple[str, ...] = ()
    pattern: str = ""


def _text(weight: int, ids: str, *fragments: str) -> SharedText:
    return SharedText(weight, tuple(ids.split()), fragments)


def _form(weight: int, ids: str, pattern: str) -> SharedText:
    return SharedText(weight, tuple(ids.split()), pattern=pattern)


# words that tie an error text to Pod Identity
COMPANIONS = (
    "pod-identity",
    "podidentity",
    "169.254.170.23",
    "fd00:ec2::23",
    "eks-auth",
    "eksauth",
    "pods.eks.amazonaws.com",
    "aws_container_credentials_full_uri",
    "aws_container_authorization_token",
    "container-role",
)
# other clouds have something of the same name, and others than pods come to a role with a token
STRANGERS = (
    "aadpodid",
    "aad-pod-identity",
    "azure",
    "managedidentitycredential",
    "metadata.google.internal",
    "workloadidentityfederation",
    "assumerolewithoidc",
    "token.actions.githubusercontent.com",
)

# the most frequent first
_UNAUTHORIZED = """
trust-missing-tag-session trust-wrong-principal role-not-found trust-condition-never-matches
trust-request-tag-with-tags-disabled base-role-cannot-assume-target target-role-trust-broken external-id-mismatch
scp-denies-eks-auth
"""
_SILENT = """
networkpolicy-blocks-agent cilium-host-entity sg-for-pods-blocks-agent host-firewall-blocks-link-local
agent-not-installed agent-timeout-context-canceled eks-auth-unreachable windows-pod fargate-pod
"""
_REFUSED = "agent-not-installed agent-not-on-node agent-pod-unhealthy node-startup-race fargate-pod"
_NOTHING = "pod-predates-association sa-mismatch association-missing"
_NO_ASSOCIATION = "association-missing association-deleted-env-remains self-managed-cluster-name-wrong"
_NO_LONGER = "removing credentials from cache, got non recoverable error"
_AGENT = "eks-pod-identity-agent"

_TOKEN = "eks-pod-identity-token"
_IRSA_TOKEN = r"secrets/eks\.amazonaws\.com/serviceaccount/token"
_NO_FILE = r"(?:permissiondenied|eacces|nosuchfile|enoent|notfound|errorreading|(?:unable|failed)to(?:read|open))"
_NO_ANSWER = (
    r"(?:timeout|timedout|deadlineexceeded|executionexpired|noroutetohost|unreach|curl:\(28\)|after\d{4,}ms)"
)
_NOT_THERE = r"(?:connectionrefused|econnrefused|enotfound|nosuchhost|couldnotresolve|servermisbehaving)"
_BROKEN_OFF = r"(?:connectionreset|econnreset|sockethangup|emptyreply|remoteendclosed|brokenpipe|unexpectedeof)"
_FAILED = rf"(?:{_NO_ANSWER}|{_NOT_THERE})"
# a session that EKS named: the pod had credentials by Pod Identity
_POD_SESSION = r"assumed-role/[^/]{1,64}/eks-"
# a caller whose role is named as those of nodes are
_NODE_ROLE = (
    r"user:?\[?(?:name=)?'?arn:[^/]{0,60}role/[^\],/]{0,64}(?:nodeinstancerole|noderole|node-role|worker-?node)"
)
# a session named by an instance: the node's role. Ids are often blanked out.
_NODE_SESSION = r"assumed-role/[^/]{1,64}/(?:i-[0-9a-fx*<.\[(]|[<\[({](?:i-|instance))"
_ITSELF = (
    r"assumed-role/([^/]{1,64})/.{1,400}?notauthorizedtoperform:sts:assumeroleonresource:'?"
    r"arn:[a-z-]*:iam::[^:]{0,20}:role/(?:[^']{0,200}/)?\1(?![\w+=,.@-])"
)

SHARED: tuple[SharedText, ...] = (
    # link 4: the SDK
    _text(9, "java-ipv6-host-rejected sdk-too-old", "has an invalid host", "fd00:ec2::23"),
    _text(8, "sdk-too-old java-ipv6-host-rejected", "host should resolve to a loopback address"),
    _text(7, "java-ipv6-host-rejected sdk-too-old", "has an invalid host"),
    _form(8, "sdk-too-old", r"169\.254\.170\.23.{0,80}loopback|loopback.{0,80}169\.254\.170\.23"),
    _form(8, "sdk-too-old", r"(unsupported|invalid|disallowed|illegal)(endpoint)?host.{0,40}169\.254\.170\.23"),
    _form(8, "sdk-too-old", r"(unsupported|invalid|notallowed|notvalid|notpermitted).{0,24}169\.254\.170\.23"),
    _form(7, "sdk-too-old", r"aws_container_credentials_full_uri.{0,160}(loopback|(invalid|unsupported)host|notallowed)"),
    _form(8, "sdk-too-old", r"169\.254\.170\.23.{0,60}(unsupported|invalid|notallowed|notavalid|notpermitted)"),
    _text(8, "sdk-too-old injected-fields-hardcoded", "service account token cannot be empty"),
    # who knows the variable that holds the token, and not the one that names its file
    _form(
        6,
        "sdk-too-old custom-credential-chain",
        r"aws_container_authorization_token(?!_file).{0,40}(missing|notset|required|isempty|notfound)",
    ),
    _text(7, "custom-credential-chain token-file-unreadable", "service account token cannot be parsed"),
    _form(
        8,
        "token-file-unreadable injected-fields-hardcoded",
        rf"{_TOKEN}.{{0,80}}{_NO_FILE}|(?:{_NO_FILE}|aws_container_authorization_token_file).{{0,160}}{_TOKEN}|"
        rf"aws_container_authorization_token_file.{{0,80}}{_NO_FILE}",
    ),
    # a line end in the file, or in a copy of it
    _form(
        7,
        "token-file-unreadable bearer-token-prefix",
        r"invalid(character|header).{0,60}authorization.{0,200}(169\.254\.170\.23|aws_container_authorization|pod-identity)",
    ),
    _text(5, "service-mesh-intercepts pod-proxy-missing-no-proxy", "unable to parse json returned from container metadata"),
    _form(5, "token-file-unreadable irsa-env-still-active", rf"{_IRSA_TOKEN}.{{0,120}}permissiondenied"),
    _form(5, "token-file-unreadable irsa-env-still-active", rf"permissiondenied.{{0,120}}{_IRSA_TOKEN}"),
    _text(5, "custom-credential-chain product-still-in-irsa-mode", "enable ambient credentials"),
    _form(6, "irsa-env-still-active irsa-env-hardcoded", r"notauthorizedtoperform:?sts:assumerolewithwebidentity"),
    _text(5, "irsa-env-still-active irsa-env-hardcoded", "assumerolewithwebidentity"),
    _text(
        5, "irsa-env-hardcoded irsa-env-still-active", "secrets/eks.amazonaws.com/serviceaccount/token", "no such file"
    ),
    _text(4, "irsa-env-still-active irsa-env-hardcoded", "invalididentitytoken"),
    _text(4, "irsa-env-still-active irsa-env-hardcoded", "no openidconnect provider found in your account"),
    # an SDK that found nothing at all
    _text(5, _NOTHING, "cannot fetch credentials from container", "environment variables are set"),
    _text(3, _NOTHING, "unable to locate credentials"),
    _text(3, _NOTHING, "no valid providers in chain"),
    _text(3, _NOTHING, "nocredentialproviders"),
    _text(3, _NOTHING, "unable to load credentials from any of the providers in the chain"),
    _text(3, _NOTHING, "unable to load aws credentials from any provider in the chain"),
    _text(3, _NOTHING, "could not load credentials from any providers"),
    _text(3, _NOTHING, "missing credentials in config"),
    _text(3, _NOTHING, "credentialsprovidererror"),
    _text(3, _NOTHING, "the credential provider was not enabled"),
    _text(3, _NOTHING, "no providers in chain provided credentials"),
    _text(3, _NOTHING, "no credentials could be loaded from the chain"),
    _text(3, _NOTHING, "unable to sign request without credentials set"),
    _text(3, _NOTHING, "error retrieving credentials from the instance profile metadata"),
    _text(3, _NOTHING, "unable to get iam security credentials from ec2 instance metadata"),
    _text(3, _NOTHING, "failed to resolve aws credentials"),
    _text(3, _NOTHING, "failed to retrieve credentials"),
    _text(3, _NOTHING, "no signing credentials available"),
    _text(3, _NOTHING, "you must specify a value for rolearn and rolesessionname"),
    _text(3, f"custom-credential-chain {_NOTHING}", "no aws credentials"),
    _text(3, _NOTHING, "unable to determine account id"),
    # what Go calls the endpoint of a container, and Java the agent
    _text(
        4,
        "agent-timeout-context-canceled eks-auth-unreachable networkpolicy-blocks-agent agent-pod-unhealthy",
        "failed to refresh cached credentials, failed to load credentials",
    ),
    _text(4, _REFUSED + " networkpolicy-blocks-agent", "failed to load credentials from metadata service"),
    _text(3, "role-no-permissions product-still-in-irsa-mode", "failed to fetch secret from all regions"),
    _text(2, "static-aws-keys-shadow", "the security token included in the request is expired"),
    _form(
        3,
        "static-aws-keys-shadow",
        r"invalidclienttokenid|invalidaccesskeyid|awsaccesskeyidyouprovideddoesnotexist|signaturedoesnotmatch|"
        r"securitytokenincludedintherequestisinvalid",
    ),
    _form(4, "static-aws-keys-shadow", r"(aws_access_key_id|aws_profile|sharedcredentials).{0,300}podidentity"),
    # links 5 and 6: the way to the agent, and the agent
    _form(
        8,
        _REFUSED,
        r"169\.254\.170\.23(:80)?.{0,120}connectionrefused|(connectionrefused|econnrefused).{0,80}169\.254\.170\.23",
    ),
    _text(8, _REFUSED, "could not connect to the endpoint url", "169.254.170.23"),
    # curl tells the two apart by how long it took
    _form(8, _REFUSED, r"(curl:\(7\)|failedtoconnectto)(.{0,40}169\.254\.170\.23).{0,20}after\d{1,3}ms"),
    _form(
        7,
        "service-mesh-intercepts agent-pod-unhealthy pod-proxy-missing-no-proxy",
        rf"169\.254\.170\.23.{{0,120}}{_BROKEN_OFF}|{_BROKEN_OFF}.{{0,60}}169\.254\.170\.23",
    ),
    # the agent's probe asks the agent itself
    _form(
        8,
        "agent-pod-unhealthy agent-timeout-context-canceled",
        r"get'http://169\.254\.170\.23:80/?':context(canceled|deadlineexceeded)",
    ),
    _text(
        8,
        "agent-timeout-context-canceled networkpolicy-blocks-agent cilium-host-entity eks-auth-unreachable",
        "client.timeout exceeded while awaiting headers",
        "169.254.170.23",
    ),
    _text(8, "agent-timeout-context-canceled eks-auth-unreachable", "read timeout on endpoint url", "169.254.170.23"),
    _form(8, "hybrid-daemonset-missing agent-imds-unavailable", r"/eks-hybrid/\.aws"),
    _form(6, "service-mesh-intercepts sdk-too-old", r"169\.254\.170\.23.{0,400}couldnotfetchawsmetadata"),
    _form(7, _SILENT, rf"169\.254\.170\.23.{{0,160}}{_NO_ANSWER}|{_NO_ANSWER}.{{0,160}}169\.254\.170\.23"),
    _form(
        8,
        "ipv6-uri-on-ipv4-pods agent-ipv6-bind",
        rf"fd00:ec2::23.{{0,160}}{_FAILED}|{_FAILED}.{{0,60}}fd00:ec2::23",
    ),
    _form(8, "cilium-host-entity networkpolicy-blocks-agent", r"policydenied.{0,120}(->|<>)169\.254\.170\.23"),
    _form(9, "cilium-host-entity networkpolicy-blocks-agent", r"169\.254\.170\.23:80\(host\).{0,80}(denied|drop)"),
    _form(
        8,
        "networkpolicy-blocks-agent cilium-host-entity",
        r"169\.254\.170\.23(:80)?.{0,120}(policydenied|egressdenied|policy-verdict|dropped)",
    ),
    _text(9, "service-mesh-intercepts pod-proxy-missing-no-proxy", "called agent through invalid address"),
    _form(
        7,
        "pod-proxy-missing-no-proxy service-mesh-intercepts",
        r"receivednon200response\(?(403|407|502|503)(?!\)?fromecs)",
    ),
    _form(8, "service-mesh-intercepts", r"upstreamconnecterror.{0,200}169\.254\.170\.23"),
    _form(8, "service-mesh-intercepts", r"169\.254\.170\.23.{0,200}(upstreamconnecterror|server:envoy|istio-proxy)"),
    _form(
        7,
        "pod-proxy-missing-no-proxy",
        r"169\.254\.170\.23.{0,160}(?<!istio-)(?<!kube-)proxy|proxy(connect|error).{0,160}169\.254\.170\.23",
    ),
    _form(5, "association-missing association-deleted-env-remains", r"receivednon200response\(?404(?!\)?fromecs)"),
    _form(4, "trust-missing-tag-session trust-wrong-principal sdk-too-old", r"httpcredentialprovider:statuscode\(?400"),
    _form(3, "eks-auth-throttled", r"receivednon200response\(?429(?!\)?fromecs)"),
    _form(
        4,
        "agent-pod-unhealthy agent-imds-unavailable eks-auth-unreachable",
        r"receivednon200response\(?50[04](?!\)?fromecs)",
    ),
    _text(8, "agent-port80-conflict addon-config-conflict", ":80: bind: address already in use", "169.254.170.23"),
    _text(2, "agent-port80-conflict addon-config-conflict", ":80: bind: address already in use"),
    _text(8, "agent-port80-conflict addon-config-conflict", "have free ports", _AGENT),
    _text(3, "agent-port80-conflict addon-config-conflict", "didn't have free ports"),
    _text(8, "agent-probe-port-conflict", "2703", "address already in use"),
    _text(8, "agent-probe-port-conflict", "failed probe", "expected 404, got"),
    _text(3, "agent-probe-port-conflict", "expected 404, got"),
    _text(8, "agent-ipv6-bind", "fd00:ec2::23", "cannot assign requested address"),
    _form(7, "agent-ipv6-bind", r"fd00:ec2::23.{0,120}(permissiondenied|notsupported)|unabletocreate.{0,60}ipv6"),
    _text(6, "agent-ipv6-bind stale-link-or-route", "unable to create interface"),
    _text(7, "admission-policy-blocks-agent agent-pod-unhealthy", "169.254.170.23:80: bind: permission denied"),
    _text(5, "agent-pod-unhealthy agent-port80-conflict", "unable to start server", "169.254.170.23"),
    _text(7, "stale-link-or-route agent-pod-unhealthy", "169.254.170.23:80: bind: cannot assign requested address"),
    _text(6, "stale-link-or-route agent-ipv6-bind", "pod-id-link0"),
    _text(6, "agent-pod-unhealthy agent-probe-port-conflict", "probe failed", _AGENT),
    _text(6, "agent-pod-unhealthy agent-probe-port-conflict", "probe failed", "2703"),
    _text(6, "agent-pod-unhealthy agent-timeout-context-canceled", "failed probe", "deadline exceeded"),
    _text(6, "agent-pod-unhealthy agent-ipv6-bind", "crashloopbackoff", _AGENT),
    _text(6, "agent-pod-unhealthy agent-ipv6-bind", "back-off restarting failed container", _AGENT),
    _text(6, "agent-pod-unhealthy", "oomkilled", _AGENT),
    # what Kubernetes says of any pod, said of the agent's
    _form(
        6,
        "agent-pod-unhealthy agent-image-pull",
        r"eks-pod-identity-agent.{0,400}(ociruntimecreatefailed|execformaterror|failedcreatepodsandbox|failedmount|"
        r"(create|run)container(config)?error)|(ociruntimecreatefailed|failedmount|failedcreatepodsandbox).{0,200}"
        r"eks-pod-identity-agent",
    ),
    _text(6, "agent-not-on-node agent-port80-conflict", "nodes are available", _AGENT),
    _form(
        6,
        "agent-port80-conflict",
        r"(preempt|evict).{0,160}eks-pod-identity-agent|eks-pod-identity-agent.{0,160}(preempt(?!ion)|evict)",
    ),
    _text(6, "admission-policy-blocks-agent agent-not-on-node", "error creating", "is forbidden", _AGENT),
    _text(1, "agent-pod-unhealthy", "probe failed"),
    _text(1, "agent-pod-unhealthy", "crashloopbackoff"),
    _text(8, "agent-image-pull", "errimagepull", _AGENT),
    _text(8, "agent-image-pull", "imagepullbackoff", _AGENT),
    _text(8, "agent-image-pull", "failed to pull image", _AGENT),
    _text(8, "admission-policy-blocks-agent", "violates podsecurity", _AGENT),
    _text(8, "admission-policy-blocks-agent", "admission webhook", "denied the request", _AGENT),
    _text(6, "addon-config-conflict addon-degraded-or-failed", "configurationconflict", _AGENT),
    _text(6, "addon-config-conflict addon-degraded-or-failed", "conflicts found when trying to apply"),
    _form(
        7,
        "addon-config-conflict addon-degraded-or-failed",
        r"(applyfailedwith|conflictswith|cannotbeimportedinto|invalidownershipmetadata|addonalreadyexists).{0,240}"
        r"eks-pod-identity-agent|eks-pod-identity-agent.{0,240}(applyfailedwith|conflictswith|cannotbeimportedinto|"
        r"invalidownershipmetadata)",
    ),
    _text(6, "addon-degraded-or-failed agent-pod-unhealthy", "insufficientnumberofreplicas"),
    _text(6, "addon-degraded-or-failed agent-pod-unhealthy", _AGENT, "degraded"),
    _text(6, "addon-degraded-or-failed agent-pod-unhealthy", _AGENT, "timeout while waiting for state"),
    _form(6, "addon-degraded-or-failed", r"eks-pod-identity-agent.{0,200}(create|update|delete)_failed"),
    _text(8, "agent-not-installed", "addon must be installed"),
    _text(8, "agent-not-installed", _AGENT, "not installed"),
    _text(9, "agent-not-installed", "resourcenotfoundexception", "no addon", _AGENT),
    _text(6, "addon-config-schema-invalid", "json schema validation failed"),
    _text(6, "addon-config-schema-invalid", "configurationvalue provided in request is not supported"),
    _text(5, "addon-pod-identity-unsupported", "getting recommended policies for addon"),
    # links 7 and 8: the agent's own way
    _form(
        9, "scp-denies-eks-auth", r"eks-auth:assumeroleforpodidentity.{0,300}explicitdenyina(service|resource)control"
    ),
    _text(
        8,
        "node-role-missing-eks-auth scp-denies-eks-auth",
        "not authorized to perform: eks-auth:assumeroleforpodidentity",
    ),
    _form(3, "scp-denies-eks-auth", r"explicitdenyina(service|resource)control"),
    _text(8, "agent-timeout-context-canceled eks-auth-unreachable", "statuscode: 0, requestid: , canceled"),
    _form(9, "eks-auth-unreachable custom-eks-auth-endpoint", rf"lookupeks-auth\..{{0,160}}{_FAILED}"),
    _form(8, "eks-auth-unreachable agent-proxy-misconfig", rf"eks-auth\..{{0,200}}{_FAILED}"),
    _form(8, "node-clock-skew agent-proxy-misconfig", r"eks-auth\..{0,200}notyetvalid|notyetvalid.{0,200}eks-auth\."),
    _form(
        7,
        "agent-proxy-misconfig iso-partition-ca-bundle custom-eks-auth-endpoint",
        r"eks-auth\..{0,200}x509:|x509:.{0,200}eks-auth\.",
    ),
    _form(9, "custom-eks-auth-endpoint agent-proxy-misconfig", r"certificateisvalidfor.{0,200}noteks-auth"),
    _form(
        8, "agent-proxy-misconfig eks-auth-unreachable", r"proxy(connect|error).{0,200}eks-auth|eks-auth.{0,200}proxy(connect|error)"
    ),
    _text(6, "eks-auth-unreachable agent-timeout-context-canceled", "unable to fetch credentials from eks auth"),
    _form(
        7,
        "eks-auth-throttled",
        r"assumeroleforpodidentity.{0,200}(throttlingexception|ratelimit|retryquotaexceeded|toomanyrequests)",
    ),
    _text(7, "agent-imds-unavailable imds-fallback-node-role", "no ec2 imds role found", _AGENT),
    _text(
        7,
        "agent-imds-unavailable node-role-missing-eks-auth",
        "unable to fetch credentials from eks auth",
        "no ec2 imds role found",
    ),
    _text(
        7,
        "agent-imds-unavailable node-role-missing-eks-auth",
        "unable to fetch credentials from eks auth",
        "failed to refresh cached credentials",
    ),
    _text(4, "imds-fallback-node-role agent-imds-unavailable", "no ec2 imds role found"),
    _text(4, "imds-fallback-node-role pod-predates-association", "ec2rolerequesterror"),
    _text(3, "imds-fallback-node-role imds-metadata-dependency", "169.254.169.254/latest/"),
    _text(2, "imds-fallback-node-role agent-imds-unavailable", "failed to refresh cached credentials"),
    _form(5, "imds-metadata-dependency", r"ec2imds:get(region|instanceidentitydocument)"),
    _form(5, "imds-metadata-dependency", r"failedtoget(ec2)?instanceidentitydocument|getinstanceidentitydocument"),
    _form(7, "imds-metadata-dependency", r"failedto(get|fetch)vpcid|failedtointrospect(region|vpcid)"),
    _text(8, "node-clock-skew custom-credential-chain", "failed basic claim validations"),
    # what EKS Auth answers
    _text(9, _UNAUTHORIZED, "eks does not have permissions to assume the associated role"),
    _text(8, "association-missing association-deleted-env-remains", "no service account role association for it"),
    _text(
        8, "association-missing association-deleted-env-remains", "resourcenotfoundexception", "no association found"
    ),
    _text(8, "agent-expired-token-noise sa-recreated-token-invalid", _NO_LONGER, "expiredtokenexception"),
    _text(8, _NO_ASSOCIATION, _NO_LONGER, "resourcenotfoundexception"),
    _text(8, f"node-role-missing-eks-auth {_UNAUTHORIZED}", _NO_LONGER, "accessdeniedexception"),
    _text(7, _NO_ASSOCIATION, "assumeroleforpodidentity", "resourcenotfoundexception"),
    _form(
        7,
        "eks-auth-unreachable eks-auth-throttled agent-timeout-context-canceled",
        r"assumeroleforpodidentity.{0,160}(statuscode:5\d\d|internalserver|serviceunavailable)",
    ),
    # the agent's own credentials
    _form(
        7,
        "agent-imds-unavailable node-role-missing-eks-auth agent-hijacked-by-default-sa",
        r"assumeroleforpodidentity.{0,200}(getidentity:|unrecognizedclient|invalidclienttoken|thesecuritytoken|invalidsignature)",
    ),
    _form(5, "association-missing association-deleted-env-remains", r"association.{0,20}a-[a-z0-9]{6,}.{0,30}notfound"),
    _text(
        7,
        "agent-expired-token-noise sa-recreated-token-invalid node-clock-skew",
        "the token included in the request is expired",
    ),
    _text(3, "agent-expired-token-noise sa-recreated-token-invalid node-clock-skew", "token provided has expired"),
    _text(7, "sa-recreated-token-invalid node-clock-skew", "assumeroleforpodidentity", "invalidtokenexception"),
    _text(4, "sa-recreated-token-invalid node-clock-skew", "invalidtokenexception"),
    # link 9, when a role or an association is made
    _text(
        8,
        "trust-missing-tag-session trust-wrong-principal role-eventual-consistency",
        "trust policy of the role provided is invalid",
    ),
    _form(7, "trust-wrong-principal", r"invalidprincipal.{0,60}pods?\.(eks\.)?amazonaws"),
    _text(8, "role-eventual-consistency role-not-found", "role provided in the request does not exist"),
    _text(5, "passrole-denied", "not authorized to perform: iam:passrole"),
    _text(7, "passrole-denied", "podidentityassociation", "is not authorized to perform", "iam:passrole"),
    _text(8, "self-managed-cluster-name-wrong", "no cluster found for name: eks_cluster_name"),
    _form(8, "self-managed-cluster-name-wrong", r"(eksauth|assumeroleforpodidentity).{0,300}noclusterfoundforname"),
    _text(5, "tool-aws-denied self-managed-cluster-name-wrong", "no cluster found for name"),
    _form(4, "tool-aws-denied", r"notauthorizedtoperform:eks:(describe|list)"),
    _form(5, "tool-aws-denied", r"notauthorizedtoperform:eks:[a-z]{0,20}(podidentityassociation|addon)"),
    _text(
        7, "passrole-denied tool-aws-denied", "createpodidentityassociation", "not authorized to perform: iam:getrole"
    ),
    _form(7, "addon-owned-association", r"podidentityassociation.{0,200}(owned|managed)by.{0,8}add-?on"),
    _form(
        5,
        "cross-account-role-arn",
        r"role.{0,80}(notinthesameaccount|(in|from|belongstoa?|ina)(nother|different)(aws)?account)",
    ),
    _form(7, "association-quota", r"maximumnumberof.{0,20}podidentityassociations"),
    _form(
        8,
        "session-policy-misconfig",
        r"sessiontagsmustbedisabled|disablesessiontagsmustbe|sessiontags.{0,80}sessionpolicy.{0,80}podidentityassociation",
    ),
    _form(
        6,
        "session-policy-misconfig",
        r"policy.{0,60}(2,?048|toolong|toolarge).{0,120}podidentity|podidentity.{0,200}policy.{0,60}(2,?048|toolong)",
    ),
    _form(5, "terraform-plan-never-converges addon-owned-association", r"pod_identity_association.{0,300}->null"),
    # link 10: denied, though the identity is right; or it is not
    _form(9, "app-assumes-own-role", _ITSELF),
    _form(
        9,
        "node-role-missing-eks-auth scp-denies-eks-auth",
        _NODE_SESSION + r".{1,300}?notauthorizedtoperform:eks-auth:",
    ),
    _form(8, "imds-fallback-node-role", _NODE_SESSION + r".{1,300}?notauthorizedtoperform"),
    _form(6, "imds-fallback-node-role", _NODE_SESSION),
    _form(5, "imds-fallback-node-role", rf"nopermissions.{{0,200}}{_NODE_ROLE}|{_NODE_ROLE}.{{1,300}}notauthorizedto"),
    _form(
        8,
        "chained-assume-missing-tag-session base-role-cannot-assume-target external-id-mismatch",
        _POD_SESSION + r".{1,400}?notauthorizedtoperform:sts:tagsession",
    ),
    _form(8, "session-policy-misconfig role-no-permissions", _POD_SESSION + r".{1,600}?nosessionpolicyallows"),
    _form(
        8,
        "permissions-boundary-denies role-no-permissions",
        _POD_SESSION + r".{1,600}?(no|explicitdenyina)permissionsboundary",
    ),
    _form(
        8,
        "scp-denies-eks-auth role-no-permissions",
        _POD_SESSION + r".{1,600}?explicitdenyina(service|resource)control",
    ),
    _form(7, "role-no-permissions", _POD_SESSION + r".{1,300}?notauthorizedtoperform"),
    _form(6, "role-no-permissions", _POD_SESSION + r".{1,300}?(accessdenied|forbidden)"),
    # EKS itself is refused, not a session that it made
    _form(9, "trust-missing-tag-session", r"pods\.eks\.amazonaws\.com.{0,200}notauthorizedtoperform:sts:tagsession"),
    _form(9, "trust-wrong-principal", r"pods\.eks\.amazonaws\.com.{0,200}notauthorizedtoperform:sts:assumerole(?!w)"),
    # an IAM user has nothing of Pod Identity's
    _form(
        5,
        "chained-assume-missing-tag-session base-role-cannot-assume-target external-id-mismatch",
        r"^(?:(?!:user/).){0,2000}?notauthorizedtoperform:sts:tagsession",
    ),
    _text(3, "chained-assume-missing-tag-session", "not authorized to perform: sts:tagsession"),
    _form(5, "chained-assume-missing-tag-session packed-policy-too-large", r"transitivetagkey|sessiontag.{0,80}transitive"),
    _text(3, "session-policy-misconfig", "no session policy allows"),
    _text(3, "permissions-boundary-denies", "no permissions boundary allows"),
    # link 2: products with a way of their own
    _text(
        8,
        "product-still-in-irsa-mode consumer-is-other-pod association-missing",
        "an iam role must be associated with service account",
    ),
    _text(8, "product-still-in-irsa-mode", "expected env variable: aws_web_identity_token_file"),
    _text(6, "product-still-in-irsa-mode irsa-annotation-leftover", "sts web identity provider (irsa)"),
    _form(5, "product-still-in-irsa-mode", r"errorparsing.{0,40}metadata.{0,20}aws(accesskeyid|rolearn)notfound"),
    # a CSI driver that mounts with the credentials of a pod
    _text(
        4,
        "product-still-in-irsa-mode consumer-is-other-pod pod-predates-association",
        "no signing credentials available",
        "mount",
    ),
    # link 3
    _form(3, "association-sa-not-found sa-mismatch", r"lookingupserviceaccount"),
    _form(
        5,
        "webhook-config-altered injection-missed-webhook",
        r"mutatingwebhookconfiguration.{0,80}pod-identity-webhook.{0,20}notfound",
    ),
    _text(9, "webhook-config-altered injection-missed-webhook", "failed calling webhook", "iam-for-pods.amazonaws.com"),
    _text(7, "webhook-config-altered injection-missed-webhook", "iam-for-pods.amazonaws.com"),
    _form(8, "csi-driver-tokenrequest-missing", r"tokenforaudience.{0,80}notfound|serviceaccount\.tokensnot"),
    # podid's own access; a pod that is denied is not podid
    _form(
        5, "tool-k8s-rbac-denied", r"isforbidden:user'(?!system:serviceaccount).{1,200}cannot(list|get|watch)resource"
    ),
    _form(2, "tool-k8s-rbac-denied", r"isforbidden:user.{1,200}cannot(list|get|watch)resource"),
    _form(
        4,
        "tool-k8s-rbac-denied kubeconfig-cluster-mismatch",
        r"mustbeloggedintotheserver|serverhasaskedfortheclienttoprovidecredentials",
    ),
    _form(
        4,
        "tool-aws-denied",
        r"tokenhasexpiredandrefreshfailed|ssosession(associatedwiththisprofile)?hasexpired|unauthorizedssotoken|"
        r"errorloadingssotoken|theconfigprofile\(.{1,60}\)couldnotbefound",
    ),
    _form(3, "tool-aws-denied kubeconfig-cluster-mismatch", r"gettingcredentials:exec:"),
    _form(
        3,
        "private-endpoint-unreachable eks-auth-unreachable",
        rf"//eks\.[a-z]+-[a-z]+-\d\.(amazonaws\.com|api\.aws).{{0,160}}{_FAILED}",
    ),
    _text(3, "private-endpoint-unreachable", "unable to connect to the server: net/http: request canceled"),
    _form(3, "private-endpoint-unreachable", rf"(unabletoconnecttotheserver|clusterunreachable).{{0,120}}{_FAILED}"),
    _form(4, "kubeconfig-cluster-mismatch", r"contextwasnotfound|current-contextisnotset|invalidkubeconfig"),
    # the name of an API server ends with the region and this
    _form(
        5,
        "private-endpoint-unreachable kubeconfig-cluster-mismatch",
        rf"[a-z]-\d\.eks\.amazonaws\.com.{{0,240}}{_FAILED}|{_FAILED}.{{0,120}}[a-z]-\d\.eks\.amazonaws\.com",
    ),
)
