"""A Deny that is addressed to everybody. `evaluate` leaves open what "*" and NotPrincipal mean; a Deny that takes its
conditions for granted shuts EKS out all the same, and an edit must not promise what it keeps back.

Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal" and "Policy evaluation logic".
"""

from podid.domain.names import PODS_PRINCIPAL
from podid.domain.trust.engine import ACTIONS, about, names_everybody
from podid.domain.trust.policy import Policy, Statement
from podid.domain.trust.request import PodIdentity, context_of


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
