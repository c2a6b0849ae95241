"""Shared parts of the tests of trust policies."""

from typing import Any

from domain.trust.trust_helpers import statement
from ops.change.support import account_state
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox

POLICY: dict[str, Any] = {"Version": "2012-10-17", "Statement": [statement()]}
ROLE = {"RoleName": "r", "Arn": "arn:aws:iam::111122223333:role/r", "Tags": [{"Key": "team", "Value": "shop"}]}
CLUSTER_ARN = "arn:aws:eks:us-west-2:111122223333:cluster/demo"
ROOT = "arn:aws:iam::111122223333:root"
ADMIN = {"Sid": "Ci", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"}
WIDE: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": "pods.eks.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession"],
}
FOR = ("--for", "shop/orders")


def trust_of(box: Sandbox, name: str = "wide") -> list[Any]:
    statements: list[Any] = account_state(box)["roles"][name]["trust"]["Statement"]
    return statements


def who(statement: Any) -> tuple[str, str]:
    tags = statement["Condition"]["StringEquals"]
    return tags["aws:RequestTag/kubernetes-namespace"], tags["aws:RequestTag/kubernetes-service-account"]


OIDC = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/ABC"
IRSA = {"Effect": "Allow", "Principal": {"Federated": OIDC}, "Action": "sts:AssumeRoleWithWebIdentity"}
EMPTY: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}


def use(box: Sandbox, *names: str, role: str = "wide") -> None:
    for name in names:
        add_association(box.world, "shop", name, role)
