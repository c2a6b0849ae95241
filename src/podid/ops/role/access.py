"""Who may assume a role, in words, told from the role alone."""

from podid.domain import trust
from podid.domain.errors import InvalidInput
from podid.domain.model import Role
from podid.domain.names import PODS_PRINCIPAL, Arn

# stand-ins where a statement names nobody; the words then say "any"
_ANYBODY = "default"


def pod_scopes(role: Role) -> tuple[str, ...]:
    """One phrase for each statement that lets pods in: "only shop/orders in cluster demo". Raises InvalidInput when
    the trust policy cannot be read."""
    policy = trust.parse_policy(role.trust)
    words = []
    for statement in policy.statements:
        names_pods = any(value == PODS_PRINCIPAL for _, value in statement.principals)
        if not (statement.allow and names_pods and not statement.not_principal):
            continue
        words.append(_words(statement, trust.evaluate(policy, _member(statement, role))))
    return tuple(dict.fromkeys(words))


def _words(statement: trust.Statement, found: trust.Evaluation) -> str:
    """Both actions decide: who may only do one of them does not become the role."""
    if found.scope is not None and found.verdict is not trust.TrustVerdict.NO_MATCH:
        return found.scope.words
    no_match = trust.TrustVerdict.NO_MATCH
    lacking = [item.action for item in (found.assume_role, found.tag_session) if item.verdict is no_match]
    why = f": {lacking[0]} is not allowed" if len(lacking) == 1 else ""
    return f"{statement.label} names pods and admits none{why}"


def access_words(role: Role) -> tuple[str, ...]:
    """Pods first, then every other principal that the trust policy names."""
    try:
        scopes = pod_scopes(role)
        others = trust.other_principals(trust.parse_policy(role.trust))
    except InvalidInput as error:
        return (f"the trust policy cannot be read: {error.what}",)
    return (*scopes, *((f"also {', '.join(others)}",) if others else ()))


def _member(statement: trust.Statement, role: Role) -> trust.PodIdentity:
    """Somebody whom the statement would let in if anybody: built from the values of its own conditions."""
    named = {condition.name: condition.values[0] for condition in statement.conditions if condition.exact}
    arn = Arn.parse(role.arn)
    account = named.get("aws:sourceaccount", arn.account)
    cluster = named.get("aws:sourcearn") or named.get("aws:requesttag/eks-cluster-arn")
    if cluster is None:
        name = named.get("aws:requesttag/eks-cluster-name", _ANYBODY)
        cluster = f"arn:{arn.partition}:eks:us-east-1:{account}:cluster/{name}"
    return trust.PodIdentity(
        cluster_arn=cluster,
        namespace=named.get("aws:requesttag/kubernetes-namespace", _ANYBODY),
        service_account=named.get("aws:requesttag/kubernetes-service-account", _ANYBODY),
        role_tags=dict(role.tags),
    )
