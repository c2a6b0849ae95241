"""The check irsa-still-allowed."""

from checks.builder import ACCOUNT, ISSUER
from checks.grid import answers, messages

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


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "info", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "info", "Role orders")]
    assert messages(ID, FAILS) == ["the trust policy allows shop/orders both by IRSA and by EKS Pod Identity"]
