"""The form of a shared text, and common parts of patterns."""

from typing import NamedTuple

GENERIC = 3


class SharedText(NamedTuple):
    """A text with its failure modes. The text must contain all `fragments` in any order, or match the `pattern`."""

    weight: int
    ids: tuple[str, ...]
    fragments: tuple[str, ...] = ()
    pattern: str = ""


def text(weight: int, ids: str, *fragments: str) -> SharedText:
    return SharedText(weight, tuple(ids.split()), fragments)


def form(weight: int, ids: str, pattern: str) -> SharedText:
    return SharedText(weight, tuple(ids.split()), pattern=pattern)


def of_agent(text: str) -> str:
    """Return a pattern for a text about the agent's pods, not about others in the same list of pods or events."""
    named = r"(?:pods?|job|deployment|daemonset|replicaset|statefulset)/"
    letter = rf"(?:(?!running|completed|normal|started|created|scheduled|{named}(?!{AGENT})).)"
    return rf"{AGENT}{letter}{{0,240}}?(?:{text})|(?:{text}){letter}{{0,160}}?{AGENT}(?!.{{0,16}}running)"


AGENT = "eks-pod-identity-agent"
# the name of an image that is not the agent's
ANOTHERS = rf":?'(?![^']{{0,200}}{AGENT})"
# the most frequent first
UNAUTHORIZED = """
trust-missing-tag-session trust-wrong-principal role-not-found trust-condition-never-matches
trust-request-tag-with-tags-disabled base-role-cannot-assume-target target-role-trust-broken external-id-mismatch
scp-denies-eks-auth
"""
SILENT = """
networkpolicy-blocks-agent cilium-host-entity sg-for-pods-blocks-agent host-firewall-blocks-link-local
agent-not-installed agent-timeout-context-canceled eks-auth-unreachable windows-pod fargate-pod
"""
REFUSED = "agent-not-installed agent-not-on-node agent-pod-unhealthy node-startup-race fargate-pod"
NOTHING = "pod-predates-association sa-mismatch association-missing"
NO_ASSOCIATION = "association-missing association-deleted-env-remains self-managed-cluster-name-wrong"
NO_LONGER = "removing credentials from cache, got non recoverable error"

TOKEN = "eks-pod-identity-token"
IRSA_TOKEN = r"secrets/eks\.amazonaws\.com/serviceaccount/token"
NO_FILE = r"(?:permissiondenied|eacces|nosuchfile|enoent|notfound|errorreading|(?:unable|failed)to(?:read|open))"
NO_ANSWER = r"(?:timeout|timedout|deadlineexceeded|executionexpired|noroutetohost|unreach|curl:\(28\)|after\d{4,}ms)"
NOT_THERE = r"(?:connectionrefused|econnrefused|enotfound|nosuchhost|couldnotresolve|servermisbehaving)"
BROKEN_OFF = r"(?:connectionreset|econnreset|sockethangup|emptyreply|remoteendclosed|brokenpipe|unexpectedeof)"
FAILED = rf"(?:{NO_ANSWER}|{NOT_THERE})"
# names have at most 64 characters, but may be replaced by longer placeholders
ROLE_NAME = r"[^/]{1,128}"
# a session name of EKS: the pod had credentials from Pod Identity
POD_SESSION = rf"assumed-role/{ROLE_NAME}/eks-"
# a caller with a role name as for nodes
NODE_ROLE = r"user:?\[?(?:name=)?'?arn:[^/]{0,60}role/[^\],/]{0,64}(?:nodeinstancerole|noderole|node-role|worker-?node)"
# a session named after an instance: the node's role. IDs are often redacted.
NODE_SESSION = rf"assumed-role/{ROLE_NAME}/(?:i-[0-9a-fx*<.\[(]|[<\[({{](?:i-|instance))"
# the same role name twice, in one account if accounts are shown; two redacted names do not count as the same
ITSELF = (
    rf"(?:sts::(\d{{12}}):|(?<!\d{{12}}:))assumed-role/(?!(?:[x*#.?]+|[<\[(]?redacted[>\])]?)/)({ROLE_NAME})/.{{1,400}}?"
    r"notauthorizedtoperform:'?sts:assumerole'?onresource:'?"
    r"arn:[a-z-]*:iam::(?(1)(?:\1|(?!\d{12}:)[^:]{0,24})|[^:]{0,24}):role[:/](?:[^']{0,200}/)?"
    r"\2(?=[,<]|\.?(?:$|[^\w+=,.@-]|status|because|witha|requestid|caused|retrying))"
)
# printed beside an error by pods and their controllers
POD_SIGN = (
    r"(?:kubernetes|kube-system|kubelet|kubectlexec|serviceaccount|namespace|controller|reconcil|issuer|secretstore|externalsecret|"
    r"external-(?:secrets|dns)|cert-manager|karpenter|autoscaler|argo-?cd|velero|mountvolume|csi-|pod[/=]|podname|statefulset|"
    r"daemonset|ingress|-[a-f0-9]{8,10}-[a-z0-9]{5}(?![a-z0-9-]))"
)
# roles that are passed to other services than pods
NOT_OF_PODS = (
    r"(?:karpenter|ec2|nodeclass|nodeclaim|instanceprofile|node-?role|instance-?role|cluster-?role|lambda|codebuild|"
    r"sagemaker|(?:task|execution)-?(?:execution)?-?role|task-?definition)"
)
# names of EC2's metadata service
IMDS = r"(?:ec2-?(?:instance)?metadata|ec2imds|instancemetadata|instancedata|imds|169\.254\.169\.254|latest/meta-data)"
