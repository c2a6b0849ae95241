"""Shared parts of the tests of roles."""

from collections.abc import Mapping
from typing import Any

from worlds import Site

S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def detach(role: str = "shop-orders") -> tuple[str, ...]:
    return ("role", "detach", role, "--managed-policy", "AmazonS3ReadOnlyAccess", "--inline-policy", "read-table")


CREATE = ("role", "create", "shop-orders", "--for", "shop/orders")
CREATE_READER = ("role", "create", "reader", "--for", "shop/reader")
READ = ("--preset", "dynamodb-read,table=orders")
PODS = {"Service": "pods.eks.amazonaws.com"}
SQS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
WIDE = {"Effect": "Allow", "Principal": PODS, "Action": ["sts:AssumeRole", "sts:TagSession"]}


def document(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def long_policy(statements: int) -> Mapping[str, object]:
    """Return a policy with about 155 characters for each statement."""
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{'x' * 90}/*"}
    return {"Version": "2012-10-17", "Statement": [statement] * statements}


def listed(site: Site, name: str = "shop-orders") -> Any:
    items = site.must("role", "list", "-o", "json").json["items"]
    return next((item for item in items if item["roleName"] == name), None)


def shown(site: Site, name: str = "shop-orders") -> Any:
    return site.must("role", "show", name, "-o", "json").json


OF_WEB = document({**WIDE, "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "web"}}})
UNTAGGED = document({**WIDE, "Action": "sts:AssumeRole"})
