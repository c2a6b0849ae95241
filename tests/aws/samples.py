"""Names in the sandbox's account, for the tests of the AWS clients."""

import uuid

from podid.domain.names import ServiceAccountRef

ORDERS = ServiceAccountRef("shop", "orders")


ROLE = "arn:aws:iam::111122223333:role/orders-dynamodb"


AGENT = "eks-pod-identity-agent"


def token() -> str:
    return uuid.uuid4().hex
