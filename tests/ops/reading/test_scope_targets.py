"""Targets of `podid doctor` as scopes."""

import pytest

from podid.domain.errors import InvalidInput, UsageError
from podid.ops.reading.scope import DoctorScope, parse_target


@pytest.mark.parametrize(
    ("text", "scope", "shown"),
    [
        ("", DoctorScope(), ""),
        ("shop/orders", DoctorScope("shop", "ServiceAccount", "orders"), "shop/orders"),
        ("deploy/shop/orders", DoctorScope("shop", "Deployment", "orders"), "Deployment/shop/orders"),
        ("statefulsets/shop/db", DoctorScope("shop", "StatefulSet", "db"), "StatefulSet/shop/db"),
        ("sa/shop/orders", DoctorScope("shop", "ServiceAccount", "orders"), "shop/orders"),
        ("pod/shop/orders-1", DoctorScope("shop", "Pod", "orders-1"), "Pod/shop/orders-1"),
    ],
)
def test_parse_target(text: str, scope: DoctorScope, shown: str) -> None:
    assert parse_target(text) == scope
    assert str(scope) == shown


def test_parse_target_refuses() -> None:
    with pytest.raises(InvalidInput, match="'node' is not a supported kind"):
        parse_target("node/shop/orders")
    with pytest.raises(InvalidInput):
        parse_target("orders")
    with pytest.raises(UsageError, match="not in namespace 'stage'"):
        parse_target("shop/orders", "stage")
    assert parse_target("", "stage") == DoctorScope("stage")


def test_parse_target_takes_the_form_of_kubectl() -> None:
    assert parse_target("deploy/cart", "shop") == DoctorScope("shop", "Deployment", "cart")
    # as `kubectl get -o name` prints it
    assert parse_target("deployment.apps/cart", "shop") == DoctorScope("shop", "Deployment", "cart")
    assert parse_target("deploy/cart", "deploy") == DoctorScope("deploy", "ServiceAccount", "cart")
