"""Three-valued truth of one statement for one request: its principal, its action and its conditions.

`evaluate` does not decide principals "*" and NotPrincipal. A Deny for everyone whose conditions hold still denies EKS,
so an edit must not promise access that such a statement denies (`denied_for_everyone`).

Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal" and "Policy evaluation logic".
"""

from functools import lru_cache

from podid.domain.names import PODS_PRINCIPAL, role_name
from podid.domain.trust.policy import Policy, Statement
from podid.domain.trust.request import PodIdentity, RequestContext, TargetHop, context_of
from podid.domain.trust.text import Truth, all_of, any_of
from podid.domain.wildcards import matches, pattern

ASSUME_ROLE = "sts:AssumeRole"
TAG_SESSION = "sts:TagSession"
ACTIONS = (ASSUME_ROLE, TAG_SESSION)

# kinds of principals in a trust policy; "*" has no kind, so it stays unknown
_KINDS = frozenset({"Service", "AWS", "Federated", "CanonicalUser"})


def covers(statement: Statement, action: str) -> Truth:
    """Return whether the statement covers `action`; None for NotAction, which podid does not evaluate."""
    return None if statement.not_action else about(statement, action)


def about(statement: Statement, action: str) -> bool:
    """Return whether the statement covers `action`, NotAction included."""
    return _named(statement.actions, action) is not statement.not_action


@lru_cache(maxsize=4096)
def _named(actions: tuple[str, ...], action: str) -> bool:
    return any(matches(pattern(name.lower()), action.lower()) for name in actions)


def names_everyone(statement: Statement) -> bool:
    """Return whether a wildcard is among the principals, of Principal or of NotPrincipal."""
    return any(name == "*" and kind in ("*", "AWS") for kind, name in statement.principals)


def names_caller(statement: Statement, request: PodIdentity | TargetHop) -> Truth:
    """Return whether the statement names the caller; None for NotPrincipal and for everyone (`*`)."""
    if statement.not_principal:
        return None
    return _names_caller(statement.principals, None if isinstance(request, PodIdentity) else request.base_role_arn)


@lru_cache(maxsize=4096)
def _names_caller(principals: tuple[tuple[str, str], ...], base_role: str | None) -> Truth:
    return any_of(_is(kind, name, base_role) for kind, name in principals)


def _is(kind: str, name: str, base_role: str | None) -> Truth:
    if kind not in _KINDS or (name == "*" and kind == "AWS"):
        return None
    if base_role is None:
        # IAM rejects a wildcard here today; AWS does not document the effect of an old one
        return None if (kind, name) == ("Service", "*") else (kind, name) == ("Service", PODS_PRINCIPAL)
    return kind == "AWS" and _is_base_role(name, base_role)


def _is_base_role(name: str, base_role: str) -> Truth:
    _, partition, _, _, account, resource = base_role.split(":", 5)
    if name in (base_role, account, f"arn:{partition}:iam::{account}:root"):
        return True
    role = role_name(resource)
    # EKS chooses the session name at run time, so a single session as the principal cannot be evaluated
    return None if name.startswith(f"arn:{partition}:sts::{account}:assumed-role/{role}/") else False


def truth_of(statement: Statement, action: str, request: PodIdentity | TargetHop, context: RequestContext) -> Truth:
    """Return whether the whole statement applies; None if it has members that a trust policy cannot have."""
    applies = all_of((names_caller(statement, request), covers(statement, action)))
    if applies is False:
        return False
    conditions = all_of(condition.holds(context) for condition in statement.conditions)
    return all_of((applies, conditions, None if statement.strange else True))


def denied_for_everyone(policy: Policy, identity: PodIdentity, actions: tuple[str, ...] = ACTIONS) -> Statement | None:
    """Return the first statement that denies one of the actions to everyone, including this service account."""
    context = context_of(identity)
    for statement in policy.statements:
        if statement.allow or statement.strange or not _for_all(statement):
            continue
        if not any(about(statement, action) for action in actions):
            continue
        if all(condition.holds(context) for condition in statement.conditions):
            return statement
    return None


def _for_all(statement: Statement) -> bool:
    if statement.not_principal:
        return ("Service", PODS_PRINCIPAL) not in statement.principals
    return names_everyone(statement)
