"""Three-valued truth of one statement for one request: its principal, its action and its conditions.

A Deny may be addressed to everybody. `evaluate` leaves open what "*" and NotPrincipal mean; a Deny that takes its
conditions for granted shuts EKS out all the same, and an edit must not promise what it keeps back.

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

# What a trust policy can name; "*" itself is nobody's kind, so everybody stays unknown.
_KINDS = frozenset({"Service", "AWS", "Federated", "CanonicalUser"})


def covers(statement: Statement, action: str) -> Truth:
    """Whether the statement is about `action`; None for NotAction, which podid does not decide."""
    return None if statement.not_action else about(statement, action)


def about(statement: Statement, action: str) -> bool:
    """The same with NotAction taken for what it says."""
    return _named(statement.actions, action) is not statement.not_action


@lru_cache(maxsize=4096)
def _named(actions: tuple[str, ...], action: str) -> bool:
    return any(matches(pattern(name.lower()), action.lower()) for name in actions)


def names_everybody(statement: Statement) -> bool:
    """By a wildcard among its principals, whether these are meant or excepted."""
    return any(name == "*" and kind in ("*", "AWS") for kind, name in statement.principals)


def admits(statement: Statement, request: PodIdentity | TargetHop) -> Truth:
    """Whether the statement is about the one who asks; None for NotPrincipal and for everybody (`*`)."""
    if statement.not_principal:
        return None
    return _admits(statement.principals, None if isinstance(request, PodIdentity) else request.base_role_arn)


@lru_cache(maxsize=4096)
def _admits(principals: tuple[tuple[str, str], ...], base_role: str | None) -> Truth:
    return any_of(_is(kind, name, base_role) for kind, name in principals)


def _is(kind: str, name: str, base_role: str | None) -> Truth:
    if kind not in _KINDS or (name == "*" and kind == "AWS"):
        return None
    if base_role is None:
        # IAM refuses a wildcard here today; what an old one would mean is not documented.
        return None if (kind, name) == ("Service", "*") else (kind, name) == ("Service", PODS_PRINCIPAL)
    return kind == "AWS" and _is_base_role(name, base_role)


def _is_base_role(name: str, base_role: str) -> Truth:
    _, partition, _, _, account, resource = base_role.split(":", 5)
    if name in (base_role, account, f"arn:{partition}:iam::{account}:root"):
        return True
    role = role_name(resource)
    # The session's name is made up by EKS at run time, so one session as the principal can only be guessed at.
    return None if name.startswith(f"arn:{partition}:sts::{account}:assumed-role/{role}/") else False


def truth_of(statement: Statement, action: str, request: PodIdentity | TargetHop, context: RequestContext) -> Truth:
    """Whether the whole statement applies. Members that a trust policy cannot have leave it unknown."""
    meant = all_of((admits(statement, request), covers(statement, action)))
    if meant is False:
        return False
    conditions = all_of(condition.holds(context) for condition in statement.conditions)
    return all_of((meant, conditions, None if statement.strange else True))


def denied_with_all(policy: Policy, identity: PodIdentity, actions: tuple[str, ...] = ACTIONS) -> Statement | None:
    """The first statement that denies one of the actions to everybody, this service account among them."""
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
    return names_everybody(statement)
