"""The shape of a shared text, and pieces of which many patterns are made."""

from typing import NamedTuple

GENERIC = 3


class SharedText(NamedTuple):
    """`fragments` must all be in a text, in any order; a `pattern`, where there is one, is looked for instead."""

    weight: int
    ids: tuple[str, ...]
    fragments: tuple[str, ...] = ()
    pattern: str = ""


def text(weight: int, ids: str, *fragments: str) -> SharedText:
    return SharedText(weight, tuple(ids.split()), fragments)


def form(weight: int, ids: str, pattern: str) -> SharedText:
    return SharedText(weight, tuple(ids.split()), pattern=pattern)


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
AGENT = "eks-pod-identity-agent"

TOKEN = "eks-pod-identity-token"
IRSA_TOKEN = r"secrets/eks\.amazonaws\.com/serviceaccount/token"
NO_FILE = r"(?:permissiondenied|eacces|nosuchfile|enoent|notfound|errorreading|(?:unable|failed)to(?:read|open))"
NO_ANSWER = r"(?:timeout|timedout|deadlineexceeded|executionexpired|noroutetohost|unreach|curl:\(28\)|after\d{4,}ms)"
NOT_THERE = r"(?:connectionrefused|econnrefused|enotfound|nosuchhost|couldnotresolve|servermisbehaving)"
BROKEN_OFF = r"(?:connectionreset|econnreset|sockethangup|emptyreply|remoteendclosed|brokenpipe|unexpectedeof)"
FAILED = rf"(?:{NO_ANSWER}|{NOT_THERE})"
# a session that EKS named: the pod had credentials by Pod Identity
POD_SESSION = r"assumed-role/[^/]{1,64}/eks-"
# a caller whose role is named as those of nodes are
NODE_ROLE = r"user:?\[?(?:name=)?'?arn:[^/]{0,60}role/[^\],/]{0,64}(?:nodeinstancerole|noderole|node-role|worker-?node)"
# a session named by an instance: the node's role. Ids are often blanked out.
NODE_SESSION = r"assumed-role/[^/]{1,64}/(?:i-[0-9a-fx*<.\[(]|[<\[({](?:i-|instance))"
ITSELF = (
    r"assumed-role/([^/]{1,64})/.{1,400}?notauthorizedtoperform:sts:assumeroleonresource:'?"
    r"arn:[a-z-]*:iam::[^:]{0,20}:role/(?:[^']{0,200}/)?\1(?:(?![\w+=,.@-])|(?=status|because|witha|requestid))"
)
