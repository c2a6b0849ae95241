"""Evaluate a trust policy for a request: each action separately, in three values. The scope of a service account's
access: who else the same trust policy allows.

An explicit Deny decides first; then at least one Allow is required. A request that no Allow can match is no-match
whatever else is unknown. A Deny that may match makes an Allow unknown. Source: IAM User Guide, "Policy evaluation
logic".
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from podid.domain.findings import RankedWord
from podid.domain.members import HIDDEN, About, schema_name
from podid.domain.names import Arn
from podid.domain.trust.conditions import Condition
from podid.domain.trust.explain import why_denied, why_not, why_unknown
from podid.domain.trust.findings import TrustFinding, find_all, open_to_all, too_broad
from podid.domain.trust.policy import ACTIONS, ASSUME_ROLE, Policy, Statement, decisive
from podid.domain.trust.request import (
    NAMESPACE_TAG,
    SERVICE_ACCOUNT_TAG,
    PodIdentity,
    Request,
    RequestContext,
    TargetHop,
)

# a name that no real pattern matches and no real condition excludes
STRANGER = "zq7x0v3k9"
_SERVICE_ACCOUNT_KEYS = frozenset({SERVICE_ACCOUNT_TAG.lower()})
_NAMESPACE_KEYS = frozenset({NAMESPACE_TAG.lower()})
_CLUSTER_KEYS = frozenset({"aws:sourcearn", "aws:requesttag/eks-cluster-arn", "aws:requesttag/eks-cluster-name"})
# the same name exists in every account and region
_NAMES = frozenset({"aws:requesttag/eks-cluster-name"})
_ACCOUNT_KEYS = frozenset({"aws:sourceaccount"})
SCOPE_KEYS = _SERVICE_ACCOUNT_KEYS | _NAMESPACE_KEYS | _CLUSTER_KEYS | _ACCOUNT_KEYS


class ScopeKind(RankedWord):
    """The narrowest of these that includes everyone who is allowed. `any` includes other accounts, for which EKS never
    assumes the role."""

    SERVICE_ACCOUNT = "service-account"
    NAMESPACE = "namespace"
    CLUSTER = "cluster"
    ACCOUNT = "account"
    ANY = "any"


OPEN_KEYS: dict[ScopeKind, frozenset[str]] = {
    ScopeKind.SERVICE_ACCOUNT: frozenset(),
    ScopeKind.NAMESPACE: _SERVICE_ACCOUNT_KEYS,
    ScopeKind.CLUSTER: _SERVICE_ACCOUNT_KEYS | _NAMESPACE_KEYS,
    ScopeKind.ACCOUNT: _SERVICE_ACCOUNT_KEYS | _NAMESPACE_KEYS | _CLUSTER_KEYS,
}
"""The keys whose values differ within the scope."""


def matches_every_value(condition: Condition, identity: PodIdentity) -> bool:
    """Return whether the condition matches every value of its key: `*`, or an ARN of any cluster of the account."""
    if not condition.selects or condition.family not in ("like", "arn"):
        return False
    partitions = (Arn.parse(identity.cluster_arn).partition, "*")
    clusters = {f"arn:{p}:eks:*:{identity.account}:{name}" for p in partitions for name in ("*", "cluster/*")}
    return any(not value.strip("*") and value for value in condition.values) or (
        condition.name == "aws:sourcearn" and not clusters.isdisjoint(condition.values)
    )


@schema_name("TrustScopeBody")
@dataclass(frozen=True, slots=True)
class Scope:
    """`kind` for machines, `words` for people: "any pod in cluster demo". `narrowed` is False if everyone is
    allowed."""

    kind: ScopeKind
    words: str
    narrowed: Annotated[bool, HIDDEN] = True


def stranger(identity: PodIdentity, scope: ScopeKind) -> PodIdentity:
    """Return another identity that differs from `identity` in everything that may differ within the scope."""
    if scope is ScopeKind.SERVICE_ACCOUNT:
        return identity
    outsider = replace(identity, service_account=STRANGER)
    if scope is ScopeKind.NAMESPACE:
        return outsider
    outsider = replace(outsider, namespace=STRANGER)
    if scope is ScopeKind.CLUSTER:
        return outsider
    outsider = _other_cluster(outsider)
    return outsider if scope is ScopeKind.ACCOUNT else _other_account(outsider)


def _other_cluster(identity: PodIdentity) -> PodIdentity:
    return replace(identity, cluster_arn=f"{identity.cluster_arn.rsplit('/', 1)[0]}/{STRANGER}")


def _other_account(identity: PodIdentity) -> PodIdentity:
    parts = identity.cluster_arn.split(":", 5)
    parts[4] = "909090909090" if identity.account != "909090909090" else "808080808080"
    return replace(identity, cluster_arn=":".join(parts))


def scope_of(identity: PodIdentity, statement: Statement, allowed: Callable[[PodIdentity], bool]) -> Scope:
    """Return the scope of the access that `statement` gives to `identity`. `allowed` returns whether another identity
    may be allowed. Values that a pattern or a list of the statement selects among count as open.

    No scope is wider than the account: EKS accepts only roles of the cluster's own account (it answers "Cross-account
    pass role is not allowed", eksctl-io/eksctl#8718), whatever the trust policy allows.
    """

    def reach(other: PodIdentity, keys: frozenset[str], own: str) -> tuple[bool, str]:
        if allowed(other):
            return True, "any"
        pinned = any(c.name in keys - _NAMES and c.exact for c in statement.conditions)
        chosen = [value for c in statement.conditions if c.name in keys and not c.exact for value in c.values]
        chosen = [] if pinned else chosen
        return bool(chosen), " or ".join(chosen) or own

    cluster, clusters = reach(_other_cluster(identity), _CLUSTER_KEYS, identity.cluster_name)
    namespace, namespaces = reach(replace(identity, namespace=STRANGER), _NAMESPACE_KEYS, identity.namespace)
    service_account, names = reach(
        stranger(identity, ScopeKind.NAMESPACE), _SERVICE_ACCOUNT_KEYS, identity.service_account
    )
    who = _who(names, namespaces, exact=not service_account and not namespace)
    further = ", if further conditions match" if any(c.name not in SCOPE_KEYS for c in statement.conditions) else ""
    words = _words(who, clusters, identity.account) + further
    if cluster:
        return Scope(ScopeKind.ACCOUNT, words, narrowed=not allowed(stranger(identity, ScopeKind.ANY)))
    if namespace:
        return Scope(ScopeKind.CLUSTER, words)
    if service_account:
        return Scope(ScopeKind.NAMESPACE, words)
    return Scope(ScopeKind.SERVICE_ACCOUNT, f"only {words}")


def _who(names: str, namespaces: str, *, exact: bool) -> str:
    if exact:
        return f"{namespaces}/{names}"
    if names == "any":
        return "any pod" if namespaces == "any" else f"any pod in namespace {namespaces}"
    where = "any namespace" if namespaces == "any" else f"namespace {namespaces}"
    return f"service account {names} in {where}"


def _words(who: str, clusters: str, account: str) -> str:
    if clusters == "any":
        return f"{who} {'of' if who == 'any pod' else 'in'} any cluster in account {account}"
    return f"{who} in cluster {clusters}"


class TrustVerdict(StrEnum):
    MATCH = "match"
    NO_MATCH = "no-match"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ActionVerdict:
    """The verdict on one action. `statement` is the index of the deciding statement; None if no statement applies."""

    action: Annotated[str, HIDDEN]
    verdict: TrustVerdict
    statement: Annotated[int | None, About("Index of the deciding statement, from 0.")]
    sid: str | None
    reason: Annotated[str, About("One sentence; may be empty.")]


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of a policy for one request. `findings` and `scope` are computed on first use."""

    policy: Policy
    request: Request
    assume_role: ActionVerdict
    tag_session: ActionVerdict

    @property
    def pod(self) -> PodIdentity:
        return self.request.pod if isinstance(self.request, TargetHop) else self.request

    @property
    def hop(self) -> Literal[1, 2]:
        return 2 if isinstance(self.request, TargetHop) else 1

    @property
    def actions(self) -> tuple[ActionVerdict, ActionVerdict]:
        return self.assume_role, self.tag_session

    @cached_property
    def verdict(self) -> TrustVerdict:
        """Return the verdict on both actions: no-match if one does not match, match if both do."""
        return combined(self.assume_role.verdict, self.tag_session.verdict)

    @property
    def doubt(self) -> str:
        """Return the action that is not decided, and the reason; empty if the verdict is not unknown."""
        undecided = (f"{a.action}: {a.reason}" for a in self.actions if a.verdict is TrustVerdict.UNKNOWN)
        return next(undecided) if self.verdict is TrustVerdict.UNKNOWN else ""

    @cached_property
    def findings(self) -> tuple[TrustFinding, ...]:
        failed = tuple(action.action for action in self.actions if action.verdict is TrustVerdict.NO_MATCH)
        to_all = open_to_all(self.policy)
        findings = [*to_all, *find_all(self.policy, self.request, self.request.context(), failed)]
        if to_all:
            return tuple(findings)
        if isinstance(self.request, PodIdentity) and self.scope is not None and not self.scope.narrowed:
            anyone = stranger(self.request, ScopeKind.ANY)
            wide = _judge(self.policy, ASSUME_ROLE, anyone, anyone.context()).statement
            findings.append(too_broad(self.request, self.policy.statements[wide or 0].label))
        return tuple(findings)

    @cached_property
    def scope(self) -> Scope | None:
        """Return the scope of access by the trust policy; None at hop 2 and if sts:AssumeRole does not match."""
        index = self.assume_role.statement
        if not isinstance(self.request, PodIdentity) or index is None:
            return None
        if self.assume_role.verdict is not TrustVerdict.MATCH:
            return None

        def may_assume(other: PodIdentity) -> bool:
            return _judge(self.policy, ASSUME_ROLE, other, other.context()).verdict is not TrustVerdict.NO_MATCH

        return scope_of(self.request, self.policy.statements[index], may_assume)


def combined(*verdicts: TrustVerdict) -> TrustVerdict:
    """Return the worst verdict: no-match, then unknown, then match."""
    for verdict in (TrustVerdict.NO_MATCH, TrustVerdict.UNKNOWN):
        if verdict in verdicts:
            return verdict
    return TrustVerdict.MATCH


def evaluate(policy: Policy, request: Request) -> Evaluation:
    """Evaluate the policy for the request. Never raises for a parsed policy.

    A condition on a value that differs from pod to pod matches if it matches for one live pod.
    """
    context = request.context()
    assume_role, tag_session = (_evaluate(policy, action, request, context) for action in ACTIONS)
    return Evaluation(policy, request, assume_role, tag_session)


def _evaluate(policy: Policy, action: str, request: Request, context: RequestContext) -> ActionVerdict:
    verdict = _judge(policy, action, request, context)
    pods = (request.pod if isinstance(request, TargetHop) else request).pods
    if verdict.verdict is TrustVerdict.UNKNOWN and pods:
        for pod in pods:
            of_pod = _judge(policy, action, request, request.context(pod))
            if of_pod.verdict is TrustVerdict.MATCH:
                return of_pod
    return verdict


def _judge(policy: Policy, action: str, request: Request, context: RequestContext) -> ActionVerdict:
    judged = ((statement, statement.truth(action, request, context)) for statement in policy.statements)
    denies, may_deny, allows, may_allow = decisive(judged)
    if denies is not None:
        return _verdict(action, TrustVerdict.NO_MATCH, denies, why_denied(denies, context))
    if allows is not None and may_deny is None:
        return _verdict(action, TrustVerdict.MATCH, allows, f"{allows.label} allows the request")
    doubtful = may_deny or may_allow
    if doubtful is not None and (allows or may_allow) is not None:
        return _verdict(action, TrustVerdict.UNKNOWN, doubtful, why_unknown(doubtful, action, request, context))
    nearest, reason = why_not(policy, action, request, context)
    return _verdict(action, TrustVerdict.NO_MATCH, nearest, reason)


def _verdict(action: str, verdict: TrustVerdict, statement: Statement | None, reason: str) -> ActionVerdict:
    if statement is None:
        return ActionVerdict(action, verdict, None, "", reason)
    return ActionVerdict(action, verdict, statement.index, statement.sid, reason)
