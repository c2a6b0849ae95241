"""Options that several commands have: the values that they accept."""

import pytest

from podid.domain.errors import InvalidInput
from podid.domain.names import ServiceAccountRef
from podid.ops.options import CLUSTER_TAGS, CONDITIONS, SCOPE, SERVICE_ACCOUNTS


def test_values_are_parsed() -> None:
    assert SERVICE_ACCOUNTS.value(["shop/orders"]) == (ServiceAccountRef("shop", "orders"),)
    assert CLUSTER_TAGS.value(["team=a", "env="]) == {"team": "a", "env": ""}
    (condition,) = CONDITIONS.value(["StringLike:aws:SourceVpc=vpc-*"])
    assert (condition.operator, condition.key) == ("StringLike", "aws:SourceVpc")
    (usual,) = CONDITIONS.value(["aws:SourceVpc=vpc-1"])
    assert usual.operator == "StringEquals"


def test_values_are_checked() -> None:
    with pytest.raises(InvalidInput, match="--scope 'world' is not one of service-account, namespace"):
        SCOPE.value("world")
    with pytest.raises(InvalidInput, match="--cluster-tag"):
        CLUSTER_TAGS.value(["team"])
    with pytest.raises(InvalidInput, match="NAMESPACE/NAME"):
        SERVICE_ACCOUNTS.value(["orders"])
