"""Describe in words who can assume a role. The engine evaluates pods; the trust policy only selects which pods to
try."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice, product

from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import InvalidInput
from podid.domain.names import PODS_PRINCIPAL, Arn, parse_cluster_arn
from podid.domain.trust import TrustVerdict
from podid.domain.wildcards import matches, pattern

_MADE_UP = re.compile(rf"arn:\S*{trust.STRANGER}")
_NAMESPACE = frozenset({trust.NAMESPACE_TAG.lower()})
_SERVICE_ACCOUNT = frozenset({trust.SERVICE_ACCOUNT_TAG.lower()})
_CLUSTER_ARN = frozenset({"aws:sourcearn", "aws:requesttag/eks-cluster-arn"})
_CLUSTER_NAME = frozenset({"aws:requesttag/eks-cluster-name"})
# stands for the role's account if the policy does not name one
_NO_ACCOUNT = "0" * 12
_ANY_REGION = "us-east-1"
# more combinations than the trust policy of any role needs
_MOST_OF_ONE_STATEMENT = 200


@dataclass(frozen=True, slots=True)
class PodAccess:
    """`scopes` are the pods that are allowed, in words ("only shop/orders in cluster demo"). `unclear` are those that
    cannot be evaluated, with the reason. `shut` is why a statement that names pods allows none. `findings` are the
    problems of the trust policy for allowed pods, or for the pods tried if none is allowed."""

    scopes: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    shut: tuple[str, ...] = ()
    findings: tuple[trust.TrustFinding, ...] = ()

    @property
    def names_pods(self) -> bool:
        return bool(self.scopes or self.unclear or self.shut)

    @property
    def verdict(self) -> TrustVerdict:
        """Return whether any pod is allowed."""
        if self.scopes:
            return TrustVerdict.MATCH
        return TrustVerdict.UNKNOWN if self.unclear else TrustVerdict.NO_MATCH

    @property
    def sentences(self) -> tuple[str, ...]:
        return (*self.scopes, *self.unclear, *self.shut)


def pod_access(role: Role, clusters: Iterable[str] = (), region: str = "", *, tags_known: bool = True) -> PodAccess:
    """Return the engine's verdict for every pod that the trust policy could mean: pods of the real `clusters` (ARNs)
    and of named clusters, in named namespaces and service accounts, and pods that it does not name. `tags_known` is
    False if the role's tags were not read. Raise InvalidInput if the trust policy cannot be read."""
    own = Arn.parse(role.arn)
    stem = f"arn:{own.partition}:eks:{region or _ANY_REGION}:{own.account}:cluster/"
    return _access(trust.parse_policy(role.trust), stem, dict(role.tags) if tags_known else None, tuple(clusters))


def policy_access(policy: trust.Policy, role_tags: Mapping[str, str] | None) -> PodAccess:
    """Return the access for a policy without its role. The account is one that the policy names, since a role belongs
    to the cluster's account."""
    named = (
        value for s in policy.statements for c in s.conditions if c.name == "aws:sourceaccount" for value in c.values
    )
    account = next((value for value in named if value.isdigit() and len(value) == len(_NO_ACCOUNT)), _NO_ACCOUNT)
    stem = f"arn:aws:eks:{_ANY_REGION}:{account}:cluster/"
    access = _access(policy, stem, role_tags, ())
    if not access.names_pods:
        nobody = trust.PodIdentity(stem + trust.STRANGER, trust.STRANGER, trust.STRANGER, role_tags=role_tags)
        evaluation = trust.evaluate(policy, nobody)
        access = PodAccess(shut=(evaluation.assume_role.reason,), findings=_findings([evaluation]))
    return access


def _access(
    policy: trust.Policy, stem: str, role_tags: Mapping[str, str] | None, clusters: tuple[str, ...]
) -> PodAccess:
    """Return the access by the policy. `stem` is the beginning of ARNs of clusters in the role's account."""
    about = [statement for statement in policy.statements if _names_pods(statement)]
    if not any(statement.allow for statement in about):
        return PodAccess()
    candidates = [
        trust.PodIdentity(arn, namespace, account, role_tags=role_tags)
        for arn, namespace, account in dict.fromkeys(_candidates(about, stem, clusters))
    ]
    scopes, unclear, tried = _judged(policy, candidates)
    if not scopes:
        untagged = [replace(who, session_tags=False) for who in candidates]
        untagged_scopes, doubtful, _ = _judged(policy, untagged)
        scopes = [f"{words}, while its association sends no session tags" for words in untagged_scopes]
        unclear = unclear or doubtful
    shut = () if scopes or unclear else tuple(_why_shut(statement, tried) for statement in about if statement.allow)
    return PodAccess(tuple(map(_own_account, scopes)), tuple(unclear), shut, _findings(tried))


def _own_account(words: str) -> str:
    return words.replace(f"account {_NO_ACCOUNT}", "the role's account")


def access_words(role: Role, clusters: Iterable[str] = (), region: str = "") -> tuple[str, ...]:
    """Describe the pods first, then every other principal of the trust policy."""
    try:
        access = pod_access(role, clusters, region)
        others = trust.other_principals(trust.parse_policy(role.trust))
    except InvalidInput as error:
        return (f"the trust policy cannot be read: {error.message}",)
    return (*access.sentences, *((f"also {', '.join(others)}",) if others else ()))


def also_allowed(role: Role, cluster: str, who: Iterable[trust.PodIdentity], scope: trust.ScopeKind) -> tuple[str, ...]:
    """Describe the pods that are allowed besides the requested ones, as far as `scope` reaches. `cluster` is an ARN."""
    order = tuple(trust.ScopeKind)
    policy = trust.parse_policy(role.trust)
    requested = set()
    for identity in who:
        granted = trust.evaluate(policy, identity).scope
        if granted is not None and order.index(granted.kind) <= order.index(trust.effective_scope(identity, scope)):
            requested.add(granted.words)
    access = pod_access(role, (cluster,), Arn.parse(cluster).region)
    return tuple(words.removeprefix("only ") for words in access.scopes if words not in requested)


def _judged(
    policy: trust.Policy, candidates: Iterable[trust.PodIdentity]
) -> tuple[list[str], list[str], list[trust.Evaluation]]:
    scopes, unclear, tried = [], [], []
    for who in candidates:
        evaluation = trust.evaluate(policy, who)
        tried.append(evaluation)
        if evaluation.verdict is trust.TrustVerdict.MATCH and evaluation.scope is not None:
            scopes.append(evaluation.scope.words)
        elif evaluation.verdict is trust.TrustVerdict.UNKNOWN:
            reason = next(item.reason for item in evaluation.actions if item.verdict is trust.TrustVerdict.UNKNOWN)
            unclear.append(f"not known: {reason}")
    return list(dict.fromkeys(scopes)), list(dict.fromkeys(unclear)), tried


def _findings(tried: Iterable[trust.Evaluation]) -> tuple[trust.TrustFinding, ...]:
    """Return the findings of all allowed pods, or of the pod with the fewest findings. Findings about invented names
    are omitted."""
    match = trust.TrustVerdict.MATCH
    allowed = [evaluation for evaluation in tried if evaluation.verdict is match]
    evaluations = allowed or sorted(tried, key=lambda evaluation: len(evaluation.findings))[:1]
    findings = dict.fromkeys(finding for evaluation in evaluations for finding in evaluation.findings)
    return tuple(
        replace(finding, fix=_own_account(_MADE_UP.sub("the cluster's ARN", finding.fix)))
        for finding in findings
        if trust.STRANGER not in finding.message
    )


def _names_pods(statement: trust.Statement) -> bool:
    return statement.not_principal or any(name in (PODS_PRINCIPAL, "*") for _, name in statement.principals)


def _why_shut(statement: trust.Statement, tried: Iterable[trust.Evaluation]) -> str:
    """Return the reason why no pod is allowed. A pod needs both actions: with one of them it cannot assume the role."""
    no_match = trust.TrustVerdict.NO_MATCH
    for evaluation in tried:
        lacking = [item.action for item in evaluation.actions if item.verdict is no_match]
        if len(lacking) == 1:
            return f"{statement.label} applies to EKS Pod Identity, but allows no pod: {lacking[0]} is not allowed"
    return f"{statement.label} applies to EKS Pod Identity, but allows no pod"


def _candidates(
    statements: Iterable[trust.Statement], stem: str, clusters: tuple[str, ...]
) -> Iterator[tuple[str, str, str]]:
    """Yield cluster, namespace and service account, with repetitions."""
    for statement in statements:
        where = (*clusters, *_clusters_of(statement, stem, named=bool(clusters)))
        namespaces = (trust.STRANGER, *_values(statement, _NAMESPACE))
        accounts = (trust.STRANGER, *_values(statement, _SERVICE_ACCOUNT))
        yield from islice(product(where, namespaces, accounts), _MOST_OF_ONE_STATEMENT)


def _values(statement: trust.Statement, keys: frozenset[str]) -> tuple[str, ...]:
    """Return the values of the conditions on these keys; a pattern becomes one name that matches it."""
    values = [value for c in statement.conditions if c.name in keys and not c.negated for value in c.values]
    return tuple(value.replace("*", "x").replace("?", "x") for value in values if "${" not in value)


def _clusters_of(statement: trust.Statement, stem: str, *, named: bool) -> Iterator[str]:
    """Yield the ARNs of clusters that the statement names, or an invented one if none is named here or elsewhere
    (`named`). Open parts of a pattern are taken from `stem`: the engine evaluates a possible cluster, never a
    pattern."""
    for condition in statement.conditions:
        for value in condition.values if not condition.negated else ():
            if condition.name in _CLUSTER_NAME:
                arn = stem + value.replace("*", "x").replace("?", "x")
            elif condition.name in _CLUSTER_ARN:
                parts = [
                    _without_wildcards(part, real)
                    for part, real in zip(value.split(":", 5), stem.split(":", 5), strict=False)
                ]
                # in StringLike a wildcard also stands for colons
                name = value.partition("cluster/")[2].replace("*", "x").replace("?", "x")
                arn = ":".join(parts) if len(parts) == 6 else f"{stem}{name or trust.STRANGER}"
            else:
                continue
            try:
                parse_cluster_arn(arn)
            except InvalidInput:
                continue
            named = True
            yield arn
    if not named:
        yield stem + trust.STRANGER


def _without_wildcards(part: str, real: str) -> str:
    if not set("*?") & set(part):
        return part
    if "/" in part:
        return part.replace("*", "x").replace("?", "x")
    if real.endswith("cluster/"):
        return f"{real}{trust.STRANGER}"
    # a pattern such as eu-* is not of the real region
    return real if matches(pattern(part), real) else part.replace("*", "x").replace("?", "x")
