"""Whether a trust policy allows a service account by IRSA: a token of the cluster's OIDC issuer, exchanged at STS.

Source: EKS User Guide, "Assign IAM roles to Kubernetes service accounts"; IAM User Guide, "Available keys for AWS OIDC
federation".
"""

from podid.domain.names import ServiceAccountRef
from podid.domain.trust.engine import about
from podid.domain.trust.logic import all_of
from podid.domain.trust.policy import Policy, Statement
from podid.domain.trust.request import RequestContext, Sent

ASSUME_ROLE = "sts:AssumeRoleWithWebIdentity"
AUDIENCE = "sts.amazonaws.com"


def allows_by_issuer(policy: Policy, provider_arn: str, ref: ServiceAccountRef) -> bool:
    """Whether the policy allows this very service account, as the OIDC provider of IAM with this ARN names it. False
    for what cannot be decided: this is what others rest a grant on."""
    issuer = provider_arn.partition(":oidc-provider/")[2].lower()
    if not issuer:
        return False
    sent = {
        f"{issuer}:sub": Sent((f"system:serviceaccount:{ref.namespace}:{ref.name}",)),
        f"{issuer}:aud": Sent((AUDIENCE,)),
    }
    context = RequestContext(1, sent, frozenset(), ())
    if any(not statement.allow and _may_deny(statement, context) for statement in policy.statements):
        return False
    return any(
        statement.allow
        and not statement.not_principal
        and not statement.not_action
        and not statement.strange
        and ("Federated", provider_arn) in statement.principals
        and about(statement, ASSUME_ROLE)
        and all_of(condition.holds(context) for condition in statement.conditions) is True
        for statement in policy.statements
    )


def _may_deny(statement: Statement, context: RequestContext) -> bool:
    conditions = all_of(condition.holds(context) for condition in statement.conditions)
    return about(statement, ASSUME_ROLE) and conditions is not False
