"""Texts for links 4 to 8: the SDK, the network path to the agent, the agent, and its path to EKS Auth."""

from podid.pages.texts.form import (
    AGENT,
    ANOTHERS,
    BROKEN_OFF,
    FAILED,
    IMDS,
    IRSA_TOKEN,
    NO_ANSWER,
    NO_FILE,
    NOTHING,
    REFUSED,
    SILENT,
    TOKEN,
    SharedText,
    form,
    of_agent,
    text,
)

WAY: tuple[SharedText, ...] = (
    # link 4: the SDK
    text(9, "java-ipv6-host-rejected sdk-too-old", "has an invalid host", "fd00:ec2::23"),
    text(8, "sdk-too-old java-ipv6-host-rejected", "host should resolve to a loopback address"),
    text(7, "java-ipv6-host-rejected sdk-too-old", "has an invalid host"),
    form(8, "sdk-too-old", r"169\.254\.170\.23.{0,80}loopback|loopback.{0,80}169\.254\.170\.23"),
    form(8, "sdk-too-old", r"(unsupported|invalid|disallowed|illegal)(endpoint)?host.{0,40}169\.254\.170\.23"),
    form(8, "sdk-too-old", r"(unsupported|invalid|notallowed|notvalid|notpermitted).{0,24}169\.254\.170\.23"),
    # for any address that the SDK rejects
    form(
        5, "sdk-too-old", r"aws_container_credentials_full_uri.{0,160}(loopback|(invalid|unsupported)host|notallowed)"
    ),
    form(8, "sdk-too-old", r"169\.254\.170\.23.{0,120}(unsupported|invalid|notallowed|notavalid|notpermitted)"),
    form(8, "sdk-too-old", r"fd00:ec2::23.{0,8}(onlyloopbackhosts|isnotavalidcontainer)"),
    text(8, "sdk-too-old injected-fields-hardcoded", "service account token cannot be empty"),
    # supports the variable with the token, but not the one with the path of its file
    form(
        6,
        "sdk-too-old custom-credential-chain",
        r"aws_container_authorization_token(?!_file).{0,40}(missing|notset|required|isempty|notfound)",
    ),
    text(7, "custom-credential-chain token-file-unreadable", "service account token cannot be parsed"),
    # a chain without the provider for the agent, in the terms of Java; and with a file only, in those of Go v1
    form(5, "custom-credential-chain", r"any(provider|oftheproviders)inthechain.{0,40}\[(?!.*container).{60}"),
    form(
        4,
        "custom-credential-chain pod-predates-association",
        r"^(?!.*nocredentialproviders).*sharedcredsload:failedtoloadsharedcredentialsfile.*/root/\.aws/credentials",
    ),
    form(
        9, "bearer-token-prefix", r"(serviceaccounttoken|base64decodeheader).{0,120}illegalbase64dataatinputbyte6(?!\d)"
    ),
    form(
        8,
        "token-file-unreadable injected-fields-hardcoded",
        rf"{TOKEN}.{{0,80}}{NO_FILE}|(?:{NO_FILE}|aws_container_authorization_token_file).{{0,160}}{TOKEN}|"
        rf"aws_container_authorization_token_file.{{0,80}}{NO_FILE}",
    ),
    # texts of SDKs about the file, whatever its name
    form(
        5,
        "token-file-unreadable injected-fields-hardcoded",
        rf"failedtoreadauthorizationtoken(from'?/|filefrom)|invalidauthorizationtokenfrom.{{0,80}}{TOKEN}",
    ),
    # a line break in the file, or in a copy of it
    form(
        7,
        "token-file-unreadable bearer-token-prefix",
        r"invalid(character|header).{0,60}authorization.{0,200}(169\.254\.170\.23|aws_container_authorization|pod-identity)",
    ),
    text(
        5, "service-mesh-intercepts pod-proxy-missing-no-proxy", "unable to parse json returned from container metadata"
    ),
    form(
        5,
        "irsa-env-still-active token-file-unreadable irsa-env-hardcoded",
        rf"{IRSA_TOKEN}.{{0,120}}permissiondenied|(permissiondenied|{NO_FILE}).{{0,120}}{IRSA_TOKEN}",
    ),
    # a product that requires IRSA's token, which is not set
    form(
        5,
        "product-still-in-irsa-mode irsa-env-hardcoded irsa-env-still-active",
        r"(read|open)\w{0,6}webidentitytoken(file)?.{0,60}(nosuchfile|notfound|isempty|isnotset)",
    ),
    text(5, "custom-credential-chain product-still-in-irsa-mode", "enable ambient credentials"),
    form(6, "irsa-env-still-active irsa-env-hardcoded", r"notauthorizedtoperform:?sts:assumerolewithwebidentity"),
    text(5, "irsa-env-still-active irsa-env-hardcoded", "assumerolewithwebidentity"),
    text(
        5, "irsa-env-hardcoded irsa-env-still-active", "secrets/eks.amazonaws.com/serviceaccount/token", "no such file"
    ),
    text(4, "irsa-env-still-active irsa-env-hardcoded", "invalididentitytoken"),
    text(4, "irsa-env-still-active irsa-env-hardcoded", "no openidconnect provider found in your account"),
    # an SDK without any credentials
    text(5, NOTHING, "cannot fetch credentials from container", "environment variables are set"),
    text(3, NOTHING, "unable to locate credentials"),
    text(3, NOTHING, "no valid providers in chain"),
    text(3, NOTHING, "nocredentialproviders"),
    text(3, NOTHING, "unable to load credentials from any of the providers in the chain"),
    text(3, NOTHING, "unable to load aws credentials from any provider in the chain"),
    text(3, NOTHING, "could not load credentials from any providers"),
    text(3, NOTHING, "missing credentials in config"),
    text(3, NOTHING, "credentialsprovidererror"),
    text(3, NOTHING, "no environment variables were set to configure ecs provider"),
    text(3, NOTHING, "the credential provider was not enabled"),
    text(3, NOTHING, "no providers in chain provided credentials"),
    text(3, NOTHING, "no credentials could be loaded from the chain"),
    text(3, NOTHING, "unable to sign request without credentials set"),
    text(3, NOTHING, "error retrieving credentials from the instance profile metadata"),
    text(3, NOTHING, "unable to get iam security credentials from ec2 instance metadata"),
    text(3, NOTHING, "failed to resolve aws credentials"),
    text(3, NOTHING, "failed to retrieve credentials"),
    text(3, NOTHING, "no signing credentials available"),
    text(3, NOTHING, "you must specify a value for rolearn and rolesessionname"),
    text(3, f"custom-credential-chain {NOTHING}", "no aws credentials"),
    text(3, NOTHING, "unable to determine account id"),
    text(3, NOTHING, "using anonymous credentials"),
    text(3, NOTHING, "no valid aws credentials"),
    # Go's name for the container endpoint, and Java's for the agent
    text(
        4,
        "agent-timeout-context-canceled eks-auth-unreachable networkpolicy-blocks-agent agent-pod-unhealthy",
        "failed to refresh cached credentials, failed to load credentials",
    ),
    text(4, REFUSED + " networkpolicy-blocks-agent", "failed to load credentials from metadata service"),
    text(3, "role-no-permissions product-still-in-irsa-mode", "failed to fetch secret from all regions"),
    text(2, "static-aws-keys-shadow", "the security token included in the request is expired"),
    form(
        3,
        "static-aws-keys-shadow",
        r"invalidclienttokenid|invalidaccesskeyid|awsaccesskeyidyouprovideddoesnotexist|signaturedoesnotmatch|signaturewecalculated|validatetheprovidedaccesscredentials|"
        r"securitytokenincludedintherequestisinvalid",
    ),
    form(4, "static-aws-keys-shadow", r"(aws_access_key_id|aws_profile|sharedcredentials).{0,300}podidentity"),
    # links 5 and 6: the network path to the agent, and the agent
    form(
        8,
        REFUSED,
        r"169\.254\.170\.23(:80)?.{0,120}connectionrefused|(connectionrefused|econnrefused).{0,80}169\.254\.170\.23",
    ),
    text(8, REFUSED, "could not connect to the endpoint url", "169.254.170.23"),
    # curl shows the difference by the elapsed time
    form(8, REFUSED, r"(curl:\(7\)|failedtoconnectto)(.{0,40}169\.254\.170\.23).{0,20}after\d{1,3}ms"),
    form(
        7,
        "service-mesh-intercepts agent-pod-unhealthy pod-proxy-missing-no-proxy",
        rf"169\.254\.170\.23.{{0,120}}{BROKEN_OFF}|{BROKEN_OFF}.{{0,60}}169\.254\.170\.23",
    ),
    # the agent's probe calls the agent itself
    form(
        8,
        "agent-pod-unhealthy agent-timeout-context-canceled",
        r"get'http://169\.254\.170\.23:80/?':context(canceled|deadlineexceeded)",
    ),
    text(
        8,
        "agent-timeout-context-canceled networkpolicy-blocks-agent cilium-host-entity eks-auth-unreachable",
        "client.timeout exceeded while awaiting headers",
        "169.254.170.23",
    ),
    text(8, "agent-timeout-context-canceled eks-auth-unreachable", "read timeout on endpoint url", "169.254.170.23"),
    form(8, "hybrid-daemonset-missing agent-imds-unavailable", r"/eks-hybrid/\.aws"),
    form(
        6,
        "service-mesh-intercepts sdk-too-old",
        r"169\.254\.170\.23.{0,400}couldnot(fetch|load)aws|couldnot(fetch|load)aws.{0,160}169\.254\.170\.23",
    ),
    form(7, SILENT, rf"169\.254\.170\.23.{{0,160}}{NO_ANSWER}|{NO_ANSWER}.{{0,160}}169\.254\.170\.23"),
    form(
        8,
        "ipv6-uri-on-ipv4-pods agent-ipv6-bind",
        rf"fd00:ec2::23.{{0,160}}{FAILED}|{FAILED}.{{0,60}}fd00:ec2::23",
    ),
    form(8, "cilium-host-entity networkpolicy-blocks-agent", r"policydenied.{0,120}(->|<>)169\.254\.170\.23"),
    form(9, "cilium-host-entity networkpolicy-blocks-agent", r"169\.254\.170\.23:80\(host\).{0,80}(denied|drop)"),
    form(
        8,
        "networkpolicy-blocks-agent cilium-host-entity",
        r"169\.254\.170\.23(:80)?.{0,120}(policydenied|egressdenied|policy-verdict|dropped)",
    ),
    text(9, "service-mesh-intercepts pod-proxy-missing-no-proxy", "called agent through invalid address"),
    form(
        7,
        "pod-proxy-missing-no-proxy service-mesh-intercepts",
        r"receivednon200response\(?(403|407|502|503)(?!\)?fromecs)",
    ),
    form(8, "service-mesh-intercepts", r"upstreamconnecterror.{0,200}169\.254\.170\.23"),
    form(8, "service-mesh-intercepts", r"169\.254\.170\.23.{0,200}(upstreamconnecterror|server:envoy|istio-proxy)"),
    form(
        7,
        "pod-proxy-missing-no-proxy",
        r"169\.254\.170\.23.{0,160}(proxy(connect|error|auth)|(http|https|via)_?proxy)|proxy(connect|error).{0,160}169\.254\.170\.23",
    ),
    form(6, "pod-proxy-missing-no-proxy", r"169\.254\.170\.23.{0,160}(?<!istio-)(?<!kube-)proxy"),
    form(5, "association-missing association-deleted-env-remains", r"receivednon200response\(?404(?!\)?fromecs)"),
    form(4, "trust-missing-tag-session trust-wrong-principal sdk-too-old", r"httpcredentialprovider:statuscode\(?400"),
    form(3, "eks-auth-throttled", r"receivednon200response\(?429(?!\)?fromecs)"),
    form(
        4,
        "agent-pod-unhealthy agent-imds-unavailable eks-auth-unreachable",
        r"receivednon200response\(?50[04](?!\)?fromecs)",
    ),
    text(8, "agent-port80-conflict addon-config-conflict", ":80: bind: address already in use", "169.254.170.23"),
    text(2, "agent-port80-conflict addon-config-conflict", ":80: bind: address already in use"),
    form(8, "agent-port80-conflict addon-config-conflict", of_agent("havefreeports")),
    text(3, "agent-port80-conflict addon-config-conflict", "didn't have free ports"),
    form(8, "agent-probe-port-conflict", r":2703.{0,40}addressalreadyinuse"),
    text(8, "agent-probe-port-conflict", "failed probe", "expected 404, got"),
    # no other software uses this spelling
    text(7, "agent-probe-port-conflict agent-pod-unhealthy", "unexpected status code recieved, expected 404, got"),
    text(3, "agent-probe-port-conflict", "expected 404, got"),
    text(8, "agent-ipv6-bind", "fd00:ec2::23", "cannot assign requested address"),
    form(7, "agent-ipv6-bind", r"fd00:ec2::23.{0,120}(permissiondenied|notsupported)"),
    form(5, "agent-ipv6-bind stale-link-or-route", r"unabletocreate(link|interface|address).{0,60}ipv6"),
    text(3, "agent-ipv6-bind stale-link-or-route", "unable to create interface"),
    text(7, "admission-policy-blocks-agent agent-pod-unhealthy", "169.254.170.23:80: bind: permission denied"),
    text(5, "agent-pod-unhealthy agent-port80-conflict", "unable to start server", "169.254.170.23"),
    text(7, "stale-link-or-route agent-pod-unhealthy", "169.254.170.23:80: bind: cannot assign requested address"),
    text(6, "stale-link-or-route agent-ipv6-bind", "pod-id-link0"),
    form(6, "agent-pod-unhealthy agent-probe-port-conflict", of_agent("probefailed")),
    text(6, "agent-pod-unhealthy agent-probe-port-conflict", "probe failed", "2703"),
    text(6, "agent-pod-unhealthy agent-timeout-context-canceled", "failed probe", "deadline exceeded"),
    form(
        6,
        "agent-pod-unhealthy agent-ipv6-bind",
        of_agent("crashloopbackoff|oomkilled|back-offrestartingfailedcontainer"),
    ),
    # Kubernetes' texts for any pod, about the agent's pods
    form(
        6,
        "agent-pod-unhealthy agent-image-pull",
        r"eks-pod-identity-agent.{0,400}(ociruntimecreatefailed|execformaterror|failedcreatepodsandbox|failedmount|"
        r"(create|run)container(config)?error)|(ociruntimecreatefailed|failedmount|failedcreatepodsandbox).{0,200}"
        r"eks-pod-identity-agent",
    ),
    form(6, "agent-not-on-node agent-port80-conflict", of_agent("nodesareavailable")),
    form(
        6,
        "agent-port80-conflict",
        r"(preempt|evict).{0,160}eks-pod-identity-agent|eks-pod-identity-agent.{0,160}(preempt(?!ion)|evict)",
    ),
    form(6, "admission-policy-blocks-agent agent-not-on-node", rf"errorcreating:pods?'{AGENT}[^']{{0,60}}'isforbidden"),
    text(1, "agent-pod-unhealthy", "probe failed"),
    text(1, "agent-pod-unhealthy", "crashloopbackoff"),
    form(
        8, "agent-image-pull", of_agent(rf"errimagepull|imagepullbackoff|(?:failedtopull|pulling)image(?!{ANOTHERS})")
    ),
    form(8, "admission-policy-blocks-agent", of_agent("violatespodsecurity|admissionwebhook.{0,160}deniedtherequest")),
    text(6, "addon-config-conflict addon-degraded-or-failed", "configurationconflict", AGENT),
    text(3, "addon-config-conflict addon-degraded-or-failed", "conflicts found when trying to apply"),
    form(
        7,
        "addon-config-conflict addon-degraded-or-failed",
        r"(applyfailedwith|conflictswith|cannotbeimportedinto|invalidownershipmetadata|addonalreadyexists).{0,240}"
        r"eks-pod-identity-agent|eks-pod-identity-agent.{0,240}(applyfailedwith|conflictswith|cannotbeimportedinto|"
        r"invalidownershipmetadata)",
    ),
    text(3, "addon-degraded-or-failed agent-pod-unhealthy", "insufficientnumberofreplicas"),
    # of several add-ons, the affected one
    form(
        6,
        "addon-degraded-or-failed agent-pod-unhealthy",
        rf"{AGENT}(?:(?!active|addonname).){{0,300}}?degraded|"
        rf"degraded(?:(?!active|addonname(?!.{{0,8}}{AGENT})).){{0,160}}?{AGENT}(?!.{{0,60}}active)",
    ),
    text(6, "addon-degraded-or-failed agent-pod-unhealthy", AGENT, "timeout while waiting for state"),
    form(6, "addon-degraded-or-failed", r"eks-pod-identity-agent.{0,200}(create|update|delete)_failed"),
    text(8, "agent-not-installed", "addon must be installed to create pod identity associations"),
    form(8, "agent-not-installed", rf"{AGENT}(?:(?!running).){{0,40}}notinstalled|notinstalled.{{0,40}}{AGENT}"),
    text(9, "agent-not-installed", "resourcenotfoundexception", "no addon", AGENT),
    text(6, "addon-config-schema-invalid", "json schema validation failed"),
    text(6, "addon-config-schema-invalid", "configurationvalue provided in request is not supported"),
    text(5, "addon-pod-identity-unsupported", "getting recommended policies for addon"),
    # links 7 and 8: the agent's own credentials and network path
    form(
        9, "scp-denies-eks-auth", r"eks-auth:assumeroleforpodidentity.{0,300}explicitdenyina(service|resource)control"
    ),
    text(
        8,
        "node-role-missing-eks-auth scp-denies-eks-auth",
        "not authorized to perform: eks-auth:assumeroleforpodidentity",
    ),
    form(3, "scp-denies-eks-auth", r"explicitdenyina(service|resource)control"),
    text(8, "agent-timeout-context-canceled eks-auth-unreachable", "statuscode: 0, requestid: , canceled"),
    form(9, "eks-auth-unreachable custom-eks-auth-endpoint", rf"lookupeks-auth\..{{0,160}}{FAILED}"),
    form(8, "eks-auth-unreachable agent-proxy-misconfig", rf"eks-auth\..{{0,200}}{FAILED}"),
    form(8, "node-clock-skew agent-proxy-misconfig", r"eks-auth\..{0,200}notyetvalid|notyetvalid.{0,200}eks-auth\."),
    form(
        7,
        "agent-proxy-misconfig iso-partition-ca-bundle custom-eks-auth-endpoint",
        r"eks-auth\..{0,200}x509:|x509:.{0,200}eks-auth\.",
    ),
    # the agent's log contains its operation
    form(
        7,
        "agent-proxy-misconfig eks-auth-unreachable iso-partition-ca-bundle",
        r"(assumeroleforpodidentity|eksauth|pod-identity-agent).{0,300}certificatesignedbyunknownauthority|"
        r"certificatesignedbyunknownauthority.{0,80}('operation':'assumerole|eksauth|assumeroleforpod|pod-identity-agent)",
    ),
    form(9, "custom-eks-auth-endpoint agent-proxy-misconfig", r"certificateisvalidfor.{0,200}noteks-auth"),
    form(
        8,
        "agent-proxy-misconfig eks-auth-unreachable",
        r"proxy(connect|error).{0,200}eks-auth|eks-auth.{0,200}proxy(connect|error)",
    ),
    text(6, "eks-auth-unreachable agent-timeout-context-canceled", "unable to fetch credentials from eks auth"),
    form(
        7,
        "eks-auth-throttled",
        r"assumeroleforpodidentity.{0,200}(throttlingexception|ratelimit|retryquotaexceeded|toomanyrequests)",
    ),
    text(7, "agent-imds-unavailable imds-fallback-node-role", "no ec2 imds role found", AGENT),
    text(
        7,
        "agent-imds-unavailable node-role-missing-eks-auth",
        "unable to fetch credentials from eks auth",
        "no ec2 imds role found",
    ),
    text(
        7,
        "agent-imds-unavailable node-role-missing-eks-auth",
        "unable to fetch credentials from eks auth",
        "failed to refresh cached credentials",
    ),
    text(4, "imds-fallback-node-role agent-imds-unavailable", "no ec2 imds role found"),
    text(4, "imds-fallback-node-role pod-predates-association", "ec2rolerequesterror"),
    text(3, "imds-fallback-node-role imds-metadata-dependency", "169.254.169.254/latest/"),
    text(2, "imds-fallback-node-role agent-imds-unavailable", "failed to refresh cached credentials"),
    form(5, "imds-metadata-dependency", r"ec2imds:get(region|instanceidentitydocument)"),
    form(5, "imds-metadata-dependency", r"failedtoget(ec2)?instanceidentitydocument|getinstanceidentitydocument"),
    form(7, "imds-metadata-dependency", rf"failedto(get|fetch|introspect)(vpcid|region).{{0,200}}{IMDS}"),
    form(4, "imds-metadata-dependency", r"failedto(get|fetch)vpcid|failedtointrospect(region|vpcid)"),
    form(
        5,
        "imds-metadata-dependency",
        r"(determine|detect|find|get)(the|aws|current)*region\w{0,12}metadata|ec2metadataisnotavailable|"
        r"instanceidinnodeproviderid",
    ),
    form(
        4,
        "imds-fallback-node-role",
        r"get-caller-identity.{0,120}(shows|is|returns?|prints?|gives?)\W*(the)?\W*node\W*'?s?(instance|group)?-?role",
    ),
    # a client that requests credentials from it prints this
    form(4, "imds-metadata-dependency", r"^(?!.*ec2rolerequesterror|.*nocredentialproviders).*ec2metadataerror:"),
    form(
        6,
        "imds-metadata-dependency",
        r"(failedto|unableto|couldnot|cannot|errorin|error)(get|fetch|find|retriev|detect|determin|discover|introspect)"
        rf"\w{{0,24}}?(vpc-?id|region|availabilityzone|instance-?(id|data|type))\w{{0,24}}.{{0,60}}?{IMDS}",
    ),
    form(6, "imds-metadata-dependency", rf"(vpc-?id|region|instance-?id)(is)?notspecified.{{0,80}}{IMDS}"),
    text(8, "node-clock-skew custom-credential-chain", "failed basic claim validations"),
    form(
        9,
        "sdk-too-old custom-credential-chain node-clock-skew sa-recreated-token-invalid",
        r"failedbasicclaimvalidations.{0,24}expired",
    ),
)
