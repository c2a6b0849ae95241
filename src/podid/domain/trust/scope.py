"""The scope of a service account's access: who else the same trust policy allows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

from podid.domain.members import HIDDEN, schema_name
from podid.domain.names import Arn
from podid.domain.trust.conditions import Condition
from podid.domain.trust.policy import Statement
from podid.domain.trust.request import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG, PodIdentity

# a name that no real pattern matches and no real condition excludes
STRANGER = "zq7x0v3k9"
_SERVICE_ACCOUNT_KEYS = frozenset({SERVICE_ACCOUNT_TAG.lower()})
_NAMESPACE_KEYS = frozenset({NAMESPACE_TAG.lower()})
_CLUSTER_KEYS = frozenset({"aws:sourcearn", "aws:requesttag/eks-cluster-arn", "aws:requesttag/eks-cluster-name"})
# the same name exists in every account and region
_NAMES = frozenset({"aws:requesttag/eks-cluster-name"})
_ACCOUNT_KEYS = frozenset({"aws:sourceaccount"})
SCOPE_KEYS = _SERVICE_ACCOUNT_KEYS | _NAMESPACE_KEYS | _CLUSTER_KEYS | _ACCOUNT_KEYS


class ScopeKind(StrEnum):
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
    if condition.negated or condition.quantifier == "forallvalues" or condition.family not in ("like", "arn"):
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
