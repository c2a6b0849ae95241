"""The check trust-without-source."""

from checks.builder import CLUSTER_ARN
from checks.grid import answers, messages

from .worlds import UNREAD_ROLE, trusting

OF_TAGS = {
    "StringEquals": {
        "aws:RequestTag/eks-cluster-arn": CLUSTER_ARN,
        "aws:RequestTag/kubernetes-namespace": "shop",
        "aws:RequestTag/kubernetes-service-account": "orders",
    }
}
ID = "trust-without-source"
FAILS = trusting(**OF_TAGS)
UNKNOWN = UNREAD_ROLE


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "info", "Role orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "info", "Role orders")]
    assert messages(ID, FAILS) == [
        "the trust policy allows EKS Pod Identity without a condition on aws:SourceAccount or aws:SourceArn"
    ]
