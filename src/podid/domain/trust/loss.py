"""The access that a change of a trust policy removes: which callers may lose it, and where they are."""

from collections.abc import Iterator
from dataclasses import dataclass

from podid.domain.errors import InvalidInput
from podid.domain.names import PODS_PRINCIPAL, Arn
from podid.domain.trust.edit import meaning
from podid.domain.trust.policy import Policy, Statement

_PODS = ("Service", PODS_PRINCIPAL)
_SOURCE = "aws:sourcearn"
_BY_TEXT = ("equals", "like", "arn")


@dataclass(frozen=True, slots=True)
class Loss:
    """`clusters` are the ARNs of the clusters whose pods may lose access by EKS Pod Identity, None for any cluster.
    `roles` are principals that may be the roles of pods, `issuers` the OIDC providers, and `others` all further
    principals, such as `ec2.amazonaws.com`. All empty: no
    caller loses access."""

    clusters: frozenset[str] | None = frozenset()
    roles: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != _NOTHING


_NOTHING = Loss()


def loss(before: Policy, after: Policy) -> Loss:
    """Return the access that the change removes: by an Allow statement of `before` that is not in `after`, or by a
    new Deny statement. Statements are compared by their meaning."""
    gone = [*_missing(before, after, allow=True), *_missing(after, before, allow=False)]
    remaining = {principal for statement in after.statements if statement.allow for principal in statement.principals}
    clusters: set[str] | None = set()
    principals: list[tuple[str, str]] = []
    for statement in gone:
        if clusters is not None and _concerns_pods(statement):
            named = _clusters_of(statement)
            clusters = None if named is None else clusters | named
        if statement.allow:
            principals += [item for item in statement.principals if item != _PODS]
    lost = dict.fromkeys(principals)
    return Loss(
        clusters=None if clusters is None else frozenset(clusters),
        roles=tuple(name for kind, name in lost if kind == "AWS" and ":role/" in name),
        issuers=tuple(name for kind, name in lost if kind == "Federated" and ":oidc-provider/" in name),
        others=tuple(name for kind, name in lost if not _usual(kind, name) and (kind, name) not in remaining),
    )


def _usual(kind: str, name: str) -> bool:
    return (kind == "AWS" and ":role/" in name) or (kind == "Federated" and ":oidc-provider/" in name)


def _missing(one: Policy, other: Policy, *, allow: bool) -> Iterator[Statement]:
    present = {meaning(statement.raw) for statement in other.statements}
    return (item for item in one.statements if item.allow is allow and meaning(item.raw) not in present)


def _concerns_pods(statement: Statement) -> bool:
    return statement.not_principal or statement.names_everyone or _PODS in statement.principals


def _clusters_of(statement: Statement) -> frozenset[str] | None:
    """Return the clusters that the condition on aws:SourceArn names; None if the statement is not limited to named
    clusters."""
    for condition in statement.conditions:
        plain = not any(set("*?$") & set(value) for value in condition.values)
        required = condition.selects and not condition.if_exists and condition.family in _BY_TEXT
        if condition.name == _SOURCE and required and plain:
            return frozenset(filter(_is_cluster, condition.values))
    return None


def _is_cluster(text: str) -> bool:
    try:
        return Arn.parse(text).service == "eks"
    except InvalidInput:
        return False
