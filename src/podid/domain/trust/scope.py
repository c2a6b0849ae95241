"""How far the access of one service account reaches: who else gets in by the same trust."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from podid.domain.trust.request import PodIdentity

# A name that no pattern in earnest lets in and no condition in earnest leaves out.
_STRANGER = "zq7x0v3k9"


class ScopeKind(StrEnum):
    """From the narrowest; `any` is wider than an account, or open in the cluster while it narrows something else."""

    SERVICE_ACCOUNT = "service-account"
    NAMESPACE = "namespace"
    CLUSTER = "cluster"
    ACCOUNT = "account"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Scope:
    """`kind` for machines, `words` for people: "any pod in cluster demo". `narrowed` is False where all get in."""

    kind: ScopeKind
    words: str
    narrowed: bool = True


def other_service_account(identity: PodIdentity) -> PodIdentity:
    return replace(identity, service_account=_STRANGER)


def other_namespace(identity: PodIdentity) -> PodIdentity:
    return replace(identity, namespace=_STRANGER)


def other_cluster(identity: PodIdentity) -> PodIdentity:
    return replace(identity, cluster_arn=f"{identity.cluster_arn.rsplit('/', 1)[0]}/{_STRANGER}")


def other_account(identity: PodIdentity) -> PodIdentity:
    parts = identity.cluster_arn.split(":", 5)
    parts[4] = "909090909090" if identity.account != "909090909090" else "808080808080"
    return replace(identity, cluster_arn=":".join(parts))


def scope_of(identity: PodIdentity, gets_in: Callable[[PodIdentity], bool]) -> Scope:
    """`gets_in` answers whether a request may be let in; the scope is found by asking for strangers."""
    service_account = gets_in(other_service_account(identity))
    namespace = gets_in(other_namespace(identity))
    cluster = gets_in(other_cluster(identity))
    account = gets_in(other_account(identity))
    everything = other_account(other_cluster(other_namespace(other_service_account(identity))))
    who = _who(identity, service_account, namespace)
    if account and cluster:
        return Scope(ScopeKind.ANY, f"{who} in any cluster of any account", narrowed=not gets_in(everything))
    if account:
        return Scope(ScopeKind.ANY, f"{who} in a cluster named {identity.cluster_name} of any account")
    if cluster:
        return Scope(ScopeKind.ACCOUNT, _in_account(identity, who))
    where = f"in cluster {identity.cluster_name}"
    if namespace:
        return Scope(ScopeKind.CLUSTER, f"{who} {where}")
    if service_account:
        return Scope(ScopeKind.NAMESPACE, f"{who} {where}")
    return Scope(ScopeKind.SERVICE_ACCOUNT, f"only {who} {where}")


def _who(identity: PodIdentity, service_account: bool, namespace: bool) -> str:
    if service_account and namespace:
        return "any pod"
    if service_account:
        return f"any pod in namespace {identity.namespace}"
    if namespace:
        return f"service account {identity.service_account} of any namespace"
    return f"{identity.namespace}/{identity.service_account}"


def _in_account(identity: PodIdentity, who: str) -> str:
    if who == "any pod":
        return f"any cluster in account {identity.account}"
    return f"{who} in any cluster in account {identity.account}"
