"""Words that indicate a failure mode without being an error text: descriptions of symptoms, and companions that
distinguish the causes of one error text ("timeout" on Fargate is not a network policy).

A hint applies if the text contains a match for each of its patterns, in lower case and with single spaces. Hints are in
the order of the answers. A narrow hint moves its cause to the front of the possible causes of an error text. Without an
error text, a hint gives an answer only beside a word of Pod Identity (`texts.COMPANIONS`), and does not outrank a text
that rarely has another meaning.
"""

from typing import NamedTuple


class Hint(NamedTuple):
    id: str
    patterns: tuple[str, ...]


def _hint(page_id: str, *patterns: str) -> Hint:
    return Hint(page_id, patterns)


_NOT = r"\b(no|not|none|never|without|nothing|missing|absent|lacks?|empty|cannot|unable|fail\w*)\b|n't\b"
_FAILS = r"fail|crash|not ?ready|restart|refused|error|unable|stuck|pending|broke|timed? ?out|hang|denied|" + _NOT
_ENV = r"\benv|variables?\b|aws_container_|inject|mutat|projected|volume|token file"
_DENIED = r"(?<!pull )access ?denied|not authorized|unauthorized ?operation|forbidden(?!: (violates|user))|\b403\b"
_ASSOCIATION = r"associat"
_SUPPORT = (
    r"unsupported|incompatible|not compatible|(not?|n't|without|lacks?|yet|only) (\w+ ){0,3}support|supports? only"
)

NARROW: tuple[Hint, ...] = (
    # types of nodes, pods and clusters with differences
    _hint("fargate-pod", r"\bfargate\b"),
    _hint("windows-pod", r"\bwindows\b"),
    _hint("hybrid-daemonset-missing", r"hybrid.?node|\bhybrid\b|on-prem"),
    _hint(
        "unsupported-cluster-kind",
        r"\boutposts?\b|eks anywhere|\beks-a\b|\bkops\b|\bkubeadm\b|\bk3s\b|self-hosted k|"
        r"non-eks|not an eks cluster|(registered|connected|connector) cluster",
    ),
    _hint(
        "cluster-too-old",
        r"(platform|cluster|kubernetes|control plane) version",
        r"at least|minimum|too old|older|"
        r"upgrade|requires?|not available|" + _SUPPORT,
    ),
    _hint(
        "auto-mode-no-agent-logs",
        r"auto.?mode",
        r"\blogs?\b|where|(no|any|find|see) (\w+ ){0,2}(agent|daemonset)|"
        r"not? (\w+ )?(visible|listed|running)",
    ),
    _hint("auto-mode-redundant-addon", r"auto.?mode", r"add-?on|daemonset|0/0|conflict|built.?in"),
    _hint("ephemeral-debug-container-no-env", r"kubectl debug|ephemeral container|debug container"),
    _hint("automount-false", r"automountserviceaccounttoken"),
    _hint("injection-opted-out", r"skip-containers|pod-identity[\"']?[=:] ?[\"']?(false|disabled)|opt(ed|s|ing)?.?out"),
    _hint("host-network-pod", r"host ?network\b(?!=true\))"),
    # the network path to the agent
    _hint("sg-for-pods-blocks-agent", r"securitygrouppolic|security groups? (for|per|on) pods?|branch eni|pod[_-]eni"),
    _hint(
        "cilium-host-entity",
        r"\bcilium|\bhubble|fib lookup|toentities|host.?routing|kube-?proxy.?replacement|"
        r"drop \(policy denied\)",
    ),
    _hint("service-mesh-intercepts", r"\bistio|\blinkerd|\benvoy|(service|app) ?mesh|sidecar proxy|ztunnel|kuma-"),
    _hint(
        "pod-proxy-missing-no-proxy",
        r"no_proxy|https?_proxy|\bsquid\b|zscaler|(http|forward|corporate|egress|web) "
        r"proxy|proxyerror|proxy (error|authentication|server)",
        r"\b169\.254\.170\.23|fd00:ec2::23|pods?\b|credential",
    ),
    _hint("host-firewall-blocks-link-local", r"iptables|nftables|firewalld|\bufw\b|hardened|\bcis\b|host firewall"),
    _hint("networkpolicy-blocks-agent", r"network ?polic(y|ies)|\begress\b|default.?deny|calico"),
    _hint("ipv6-uri-on-ipv4-pods", r"fd00:ec2::23|dual.?stack", r"ipv4|unreachable|enotfound|timed? ?out|dual.?stack"),
    _hint(
        "eks-auth-unreachable",
        r"eks.?auth|agent",
        r"vpc endpoint|private(link| subnet)|nat gateway|air.?gap|"
        r"no internet|(no|without) (outbound|egress)|endpoint service",
    ),
    _hint("node-clock-skew", r"\bclock|time (sync|skew|drift)|chrony|\bntp\b"),
    # the agent
    _hint(
        "cni-depends-on-agent",
        r"aws-node|vpc.?cni|aws-cni|\bipamd?\b|cni plugin|network plugin",
        r"crash|not ?ready|restart|sandbox|stuck|pending|refused|wait|cannot|unable",
    ),
    _hint("bearer-token-prefix", r"\bbearer\b", r"authorization|token|header|prefix"),
    _hint(
        "custom-credential-chain",
        r"authorization_token_file|authorization header",
        r"\b(never|no|not|without|only|once)\b|n't\b",
        r"\breads?\b|re-?read|header|checks?\b|used?\b|picked",
    ),
    # a token that was read once
    _hint(
        "sdk-too-old",
        r"\bexpired? (auth |access )?tokens?\b|tokens? (\w+ ){0,3}(expire|rotate)|"
        r"(fail\w*|not|unable|never) (to )?(\w+ )?(refresh|re-?read)(?! cached)",
        r"\b(after|once|every|refresh|re-?read)\b",
        r"token|credential",
    ),
    _hint("sdk-too-old", r"(not|n't) work(ing)? (with|in|on)\b", r"\bsdk|boto|librar", r"pod.identity"),
    _hint(
        "custom-credential-chain",
        r"container.?credentials?.(provider|source)|injected (variables|credentials)",
        r"\b(no|not|skip\w*|missing|without|lacks?|ignor\w*)\b|n't\b",
    ),
    _hint("agent-hijacked-by-default-sa", r"kube-system[/: ]default|default service ?account (in|of) kube-system"),
    _hint("agent-port80-conflict", r"\bport 80\b|host ?port", r"conflict|in use|evict|preempt|taken|occup|bound|clash"),
    _hint(
        "agent-not-on-node",
        r"\btaint|tolerat|node ?selector|affinity|(gpu|some|certain|specific|other) nodes?\b|"
        r"only on (\w+ )?nodes?",
        r"agent|daemonset|169\.254\.170\.23|credential",
    ),
    _hint(
        "node-startup-race",
        r"(fresh|new|newly \w+|just \w+) (\w+ )?nodes?\b|scal(e|ing).?up|node (start|boot|join)\w*|"
        r"startup taint|before the (local )?(eks-)?(pod.identity.)?agent",
        _FAILS,
    ),
    _hint(
        "agent-not-installed",
        r"(add-?on|agent|daemonset) (\w+ ){0,4}(missing|absent|(not|\w*n't|never)( \w+)? (install|"
        r"present|deploy|running|exist|enabled|there\b))|(missing|without|no|forgot\w*|install\w*) (\w+ ){0,3}"
        r"(pod.identity.?agent|agent)|pod.identity.?agent (\w+ ){0,3}missing",
    ),
    _hint(
        "agent-outdated",
        r"agent|add-?on",
        r"\bold(er)? version|outdated|v0\.1\.[0-9]\b|v1\.[012]\.\d|(upgrad|updat)\w*"
        r" (\w+ ){0,3}(agent|add-?on)",
    ),
    # the trust policy and the role
    _hint("app-assumes-own-role", r"assum\w* (its|their) own role|assum\w* itself|assum\w* the same role"),
    _hint(
        "trust-request-tag-with-tags-disabled",
        r"disable.?session.?tags|session ?tags (\w+ )?(disabled|off)",
        r"requesttag|request tag|trust|associated role|condition",
    ),
    _hint("external-id-mismatch", r"external.?id"),
    _hint(
        "base-role-cannot-assume-target",
        r"target.?role",
        r"not authorized|not allowed to assume|cannot assume|base role|"
        r"source role|association.?s? role",
    ),
    _hint("target-role-trust-broken", r"target.?role", r"trust|account|" + _FAILS),
    _hint(
        "trust-condition-never-matches",
        r"aws:(sourcearn|sourceaccount|principalorgid|sourcevpce?|sourceip|requesttag)|"
        r"stringequals|stringlike|arnequals|arnlike|conditions?\b",
        r"trust|assum|associated role",
        _FAILS,
    ),
    _hint(
        "trust-too-broad",
        r"trust",
        r"any (\w+ )?(cluster|pod|namespace)|too (broad|open|permissive|wide)|"
        r"confused deputy|restrict|least.privilege",
    ),
    _hint(
        "trust-wrong-principal",
        r"federated|oidc.?provider|(ec2|ecs-tasks|eks)\.amazonaws\.com[\"' ]|"
        r"wrong (service )?principal|trust relationship",
        r"trust|principal",
        r"associated role|trust policy of|" + _NOT,
    ),
    _hint("role-recreated", r"\brole\b", r"re-?creat|deleted and|\baroa[a-z0-9]{12,}(?![a-z0-9]|:)"),
    _hint("role-not-found", r"\broles?\b", r"(?<!fer-)\bdeleted|no longer exist|nosuchentity"),
    _hint(
        "imds-fallback-node-role",
        r"(instance.?profile|node.?(instance|group)?|worker)'?s? role",
        r"\bstill\b|instead of",
    ),
    _hint(
        "cached-credentials-after-change",
        r"chang|updat|switch|modif|new (iam )?(role|policy|permission)",
        r"\bstill\b|\bold\b|previous|\bcache|for hours|(not|n't) (\w+ )?(picked|take|effect|refresh|reflect)",
        r"\brole|credential|polic|permission",
    ),
    _hint(
        "roles-shared-across-associations",
        r"(same|one|single|shared?) (iam )?role",
        r"multiple|several|many|across|share",
    ),
    # problems of associations
    _hint(
        "association-missing",
        r"associations\b.{0,40}(\[\]|\bempty|\bnone\b|nothing)|\bno (pod.identity )?associations?\b|"
        r"missing (pod.identity )?association|association (is )?missing",
    ),
    _hint("duplicate-association", _ASSOCIATION, r"already (associated|exists?|has an?)|\bduplicate|\btwice"),
    _hint(
        "association-sa-not-found",
        r"service ?accounts? (\S+ ){0,3}(was )?(not found|(does not|doesn't|not) exist)|looking "
        r"up service account",
    ),
    _hint("association-namespace-not-found", r"namespaces? (\S+ ){0,3}(not found|(does not|doesn't) exist|deleted)"),
    _hint(
        "terraform-plan-never-converges",
        r"terraform|\bplan\b|eksctl|pulumi|opentofu|crossplane|argo",
        r"every (\w+ )?(apply|"
        r"plan|run|time)|perpetual|drift|always (show|want)|in-place|forced? replac|-> null|endless|infinite|keeps? ",
    ),
    _hint(
        "addon-owned-association",
        _ASSOCIATION,
        r"add-?on",
        r"\bown(s|ed|er)|managed by|removed|delet|ignor|comes? back",
    ),
    _hint(
        "association-deleted-env-remains",
        r"delet|remov|destroy",
        _ASSOCIATION,
        r"after|hours|stop|still|no longer|sudden|"
        r"running",
    ),
    _hint("unused-association", r"unused|orphan|dangling|stale|no pods?|nothing uses", _ASSOCIATION),
    _hint(
        "default-sa-association",
        r"default service ?account|service ?account[\"']?[:=]? ?[\"']?default\b",
        r"(every|all|any|other) pods?",
    ),
    # the pod
    _hint(
        "sdk-too-old",
        r"\b(not|n't) (being )?pick\w* up\b",
        r"credential|pod.identity.token",
        r"\bsdk|configuration|provider|librar|token",
    ),
    _hint(
        "sa-mismatch",
        r"(?<!roles for )(?<!role for )service ?account",
        r"\bdefault\b|wrong|mismatch|different|typo|misspel|(not|n't) match|instead of|"
        r"serviceaccountname",
    ),
    _hint(
        "consumer-is-other-pod",
        r"operator|csi.?driver|node plugin|repo-server|application-controller|kubelet|provider",
        r"service ?account|" + _ASSOCIATION,
        r"\bown\b|instead|rather|its|not the|which pod|application's",
    ),
    _hint(
        "pod-predates-association",
        r"(running|started|exist\w*|older|created|deployed) (\w+ )?(before|than) (the )?(pod.identity )?associat",
    ),
    _hint(
        "webhook-config-altered",
        r"mutatingwebhook|pod-identity-webhook",
        r"v1beta1|alter|modif|delet|missing|overwr|"
        r"namespaceselector|failurepolicy|chang|not found|certificate|ca ?bundle|\bcsr\b",
    ),
    _hint("injection-missed-webhook", r"intermittent|sometimes|random|flap|occasional|burst", _ENV),
    _hint(
        "association-propagation-race",
        r"window between|same (time|apply|run)|together|\brace\b|immediately|right after|first pods?|"
        r"propagat|eventual|seconds|depends_on|single apply",
        _ENV + r"|associat|restart",
    ),
    _hint(
        "region-env-side-effect",
        r"aws_(default_)?region|sts_regional|regional endpoint",
        r"inject|overrid|wrong|chang|"
        r"unexpected|different|ignor",
    ),
    _hint(
        "irsa-env-hardcoded",
        r"aws_web_identity_token_file|aws_role_arn",
        r"hard.?coded|manifest|chart|values|extraenv|explicit|env:|both|customer|overwr|manually",
    ),
    _hint("irsa-annotation-leftover", r"annotat", r"irsa|role-arn", r"both|still|conflict|leftover|preced|remove|harm"),
    _hint(
        "irsa-env-still-active", r"\birsa\b|web.?identity|oidc", r"\bstill\b|migrat|switch|moved?\b|old role|instead"
    ),
    _hint(
        "static-aws-keys-shadow",
        r"aws_access_key_id|aws_secret_access_key|aws_profile|shared_credentials|\.aws/|"
        r"iam user|:user/|invalidclienttokenid|static (credential|key)|secretref",
        r"still|instead|preced|user/|ignor|"
        r"before|first|invalid|set\b|expired|overrid|prior",
    ),
    _hint("injected-fields-hardcoded", r"aws_container_(cred|auth)", r"hard.?coded|manifest|copied|manually|localhost"),
    _hint("sdk-too-old", _SUPPORT, r"pod.identity|aws_container_"),
    _hint(
        "session-name-changed",
        r"session.?name|re-?auth",
        r"chang|rotat|differ|unpredict|principal|per pod|expire|"
        r"elasticache|redis|\bmsk\b|kafka|lake formation",
    ),
)

# for descriptions without a specific symptom
WIDE: tuple[Hint, ...] = (
    _hint("role-not-found", r"\broles?\b", r"(not|n't) exist|cannot be found|not found"),
    _hint(
        "imds-metadata-dependency",
        r"hop.?limit|instance metadata|\bimds\b|ec2metadata",
        r"\bregion|\bvpc|cluster name|"
        r"instance id|detect|introspect|\btags?\b",
    ),
    _hint(
        "imds-metadata-dependency", r"(detect|determine|discover|introspect)\w* (\w+ ){0,4}(region|cluster name|vpc)"
    ),
    _hint(
        "imds-fallback-node-role",
        r"node.?(group|instance|iam)?.?'?s?.?role|instance.?(profile|role)|worker.?(node)?.?role|"
        r"node'?s? (own )?(identity|credentials?|iam)|ec2 (instance )?role|role of the (\w+ )?(node|instance)|"
        r"\bimds\b|instance metadata",
        r"instead|fall|using|uses?\b|"
        r"used|rather|got|assum|shows?|calls?|comes|default|pick|return|get|retriev",
    ),
    _hint(
        "custom-credential-chain",
        r"access.?key|credentials? (provider|chain)|credential source",
        r"required?\b|must|"
        r"expects?|only|(does not|doesn't|not) (support|read|check|use|implement|look)|hard.?coded|own\b|custom",
    ),
    _hint(
        "sdk-too-old",
        r"\bsdk\b|aws-sdk|boto|librar|client version|minio|dependenc",
        r"\bold\b|outdated|upgrad|updat|"
        r"bump|minimum|newer|requires?|at least|" + _SUPPORT,
    ),
    # the command line works in the same pod
    _hint(
        "sdk-too-old",
        r"(boto3?|aws ?-?cli|\bcli\b|get-caller-identity|curl|other \w+) (\w+ ){0,4}works?|works? (\w+ )"
        r"{0,3}(with|from|using|via) (\w+ ){0,2}(boto3?|aws ?-?cli|cli|curl)",
    ),
    _hint("pod-predates-association", _ENV, _NOT, r"pods?\b|container|deploy"),
    _hint(
        "agent-timeout-context-canceled",
        r"get credentials: request canceled|context cancell?ed|context deadline exceeded|"
        r"time[ds]?.?out(?!\w*[=:] ?\d)",
        r"credential|pod.?identity|169\.254\.170\.23",
    ),
    _hint("imds-fallback-node-role", _DENIED, r"object storage|s3|bucket|cloudtrail|instance"),
    _hint("role-no-permissions", _DENIED),
    _hint("pod-predates-association", r"credential|access key", _NOT + r"|make sure|error"),
)
