from dataclasses import replace
from typing import Any

from checks.builder import ACCOUNT, ISSUER, cluster
from checks.grid import outcomes
from harness import table
from podid.domain.snapshot import Known

from .worlds import UNREAD_ROLE, trusting

BY_OIDC = {
    "Effect": "Allow",
    "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {f"{ISSUER}:sub": "system:serviceaccount:shop:orders"}},
}
ID = "irsa-still-allowed"
FAILS = trusting(BY_OIDC)
UNKNOWN = UNREAD_ROLE
PASSES = trusting()
FINDINGS = [("fail", "info", "Role orders")]
UNKNOWNS = [("unknown", "info", "Role orders")]
MESSAGES = ["the trust policy allows shop/orders both by IRSA and by EKS Pod Identity"]


def federated(**changes: Any) -> dict[str, Any]:
    """Return BY_OIDC with these members."""
    return {**BY_OIDC, **changes}


@table(
    ("statement", "outcome"),
    [
        (federated(Condition={"StringLike": {f"{ISSUER}:sub": "system:serviceaccount:shop:*"}}), "fail"),
        (federated(Condition={"StringEquals": {f"{ISSUER}:sub": "system:serviceaccount:shop:cart"}}), "pass"),
        (federated(Principal={"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}D"}), "pass"),
        (federated(Effect="Deny"), "pass"),
    ],
)
def test_statements_for_the_oidc_provider(statement: dict[str, Any], outcome: str) -> None:
    assert outcomes(ID, trusting(statement)) == {outcome}


def test_without_a_statement_for_irsa_or_without_an_issuer() -> None:
    assert outcomes(ID, PASSES) == {"pass"}
    assert outcomes(ID, replace(FAILS, cluster=Known(cluster(oidc_issuer="")))) == {"not-applicable"}
