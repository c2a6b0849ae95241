"""The rules of a guard: limits for a role, a trust policy or an association. A plan is checked against them before it
changes anything, and `podid audit` checks the identities that exist.

Each function yields (key of the rule, reason).
"""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase

from podid.domain.declaration import DEFAULT_ACCOUNT, Guard
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.trust import NAMESPACE_TAG, SERVICE_ACCOUNT_TAG, ScopeKind, Statement

Breach = tuple[str, str]


def roles_breach(guard: Guard, arns: Iterable[str]) -> Iterator[Breach]:
    for arn in arns if guard.allowed_roles is not None else ():
        name = arn.rpartition("/")[2]
        if not _matches((arn, name), guard.allowed_roles or ()):
            yield "allowedRoles", f"role {name} is not allowed"


def policies_breach(guard: Guard, policies: Iterable[str]) -> Iterator[Breach]:
    """Yield violations by a role's policies: ARNs of managed policies and names of inline ones."""
    for policy in policies if guard.allowed_policies is not None else ():
        name = policy.rpartition("/")[2]
        if not _matches((policy, name), guard.allowed_policies or ()):
            yield "allowedPolicies", f"policy {name} is not allowed"


def scopes_breach(guard: Guard, statements: Iterable[Statement]) -> Iterator[Breach]:
    """Yield violations by the statements that allow pods to assume the role."""
    for statement in statements if guard.allowed_scopes is not None else ():
        if for_pods(statement) and (scope := scope_of(statement)) not in (guard.allowed_scopes or ()):
            yield "allowedScopes", f"scope {scope} of the trust policy is not allowed"


def boundary_breach(guard: Guard, boundary: str) -> Iterator[Breach]:
    required = guard.required_boundary
    if required and required not in (boundary, boundary.rpartition("/")[2]):
        yield "requiredBoundary", f"the permissions boundary {required} is required"


def tags_breach(guard: Guard, tags: Mapping[str, str]) -> Iterator[Breach]:
    for key, pattern in guard.required_tags.items():
        if key not in tags or not fnmatchcase(tags[key], pattern):
            yield "requiredTags", f"the tag {key}={pattern} is required"


def accounts_breach(guard: Guard, accounts: Iterable[str]) -> Iterator[Breach]:
    """Yield violations by a role's number of service accounts. `accounts` are the names of those with an
    association."""
    if not guard.default_accounts and DEFAULT_ACCOUNT in accounts:
        yield "defaultAccounts", "associations of the default service account are not allowed"


def _matches(names: Iterable[str], patterns: Iterable[str]) -> bool:
    listed = tuple(patterns)
    return any(fnmatchcase(name, pattern) for name in names for pattern in listed)


def for_pods(statement: Statement) -> bool:
    return statement.allow and any(value in (PODS_PRINCIPAL, "*") for _, value in statement.principals)


def scope_of(statement: Statement) -> ScopeKind:
    """Return the scope by the keys for which the statement requires one value without wildcards."""
    names = [
        condition.name
        for condition in statement.conditions
        if not condition.negated and len(set(condition.values)) == 1 and not set("*?") & set(condition.values[0])
    ]
    cluster = any(key in names for key in ("aws:sourcearn", "aws:requesttag/eks-cluster-arn"))
    namespace = NAMESPACE_TAG.lower() in names
    if cluster and namespace:
        return ScopeKind.SERVICE_ACCOUNT if SERVICE_ACCOUNT_TAG.lower() in names else ScopeKind.NAMESPACE
    if cluster:
        return ScopeKind.CLUSTER
    return ScopeKind.ACCOUNT if "aws:sourceaccount" in names else ScopeKind.ANY
