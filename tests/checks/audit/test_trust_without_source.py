from typing import Any

from checks.builder import ACCOUNT, CLUSTER_ARN
from checks.grid import outcomes
from harness import table

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
FINDINGS = [("fail", "info", "Role orders")]
UNKNOWNS = [("unknown", "info", "Role orders")]
MESSAGES = ["the trust policy allows EKS Pod Identity without a condition on aws:SourceAccount or aws:SourceArn"]


@table(
    ("condition", "outcome"),
    [
        (OF_TAGS | {"ArnEquals": {"aws:SourceArn": CLUSTER_ARN}}, "pass"),
        (OF_TAGS | {"ArnEquals": {"AWS:sourcearn": CLUSTER_ARN}}, "pass"),
        ({"StringEquals": OF_TAGS["StringEquals"] | {"aws:SourceAccount": ACCOUNT}}, "pass"),
        ({"StringEquals": {"aws:RequestTag/kubernetes-namespace": "shop"}}, "fail"),
        (OF_TAGS | {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}, "pass"),
        (OF_TAGS | {"StringLike": {"aws:SourceArn": f"arn:aws:eks:*:{ACCOUNT}:cluster/*"}}, "pass"),
        (OF_TAGS | {"StringEquals": OF_TAGS["StringEquals"] | {"aws:SourceOrgID": "o-a1b2c3d4e5"}}, "pass"),
        (OF_TAGS | {"StringNotEquals": {"aws:SourceAccount": "999999999999"}}, "fail"),
        (OF_TAGS | {"StringLike": {"aws:SourceAccount": "*"}}, "fail"),
        (OF_TAGS | {"StringLike": {"aws:SourceAccount": [ACCOUNT, "*"]}}, "fail"),
        (OF_TAGS | {"ArnLike": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/*"}}, "fail"),
        (OF_TAGS | {"Null": {"aws:SourceAccount": "false"}}, "fail"),
        (OF_TAGS | {"ForAllValues:StringEquals": {"aws:SourceAccount": ACCOUNT}}, "fail"),
    ],
)
def test_conditions_on_the_source(condition: dict[str, Any], outcome: str) -> None:
    assert outcomes(ID, trusting(**condition)) == {outcome}


PODS, EC2 = {"Service": "pods.eks.amazonaws.com"}, {"Service": "ec2.amazonaws.com"}
ASSUME, TAG = "sts:AssumeRole", "sts:TagSession"


@table(
    ("effect", "principal", "actions", "outcome"),
    [
        # without sts:AssumeRole, it gives no access
        ("Allow", PODS, [TAG], "pass"),
        ("Allow", EC2, [ASSUME, TAG], "pass"),
        ("Deny", PODS, [TAG], "pass"),
        # trust-too-broad reports it
        ("Allow", PODS, [ASSUME, TAG], "not-applicable"),
    ],
)
def test_further_statements_without_a_condition(
    effect: str, principal: dict[str, str], actions: list[str], outcome: str
) -> None:
    statement = {"Effect": effect, "Principal": principal, "Action": actions}
    assert outcomes(ID, trusting(statement)) == {outcome}
