"""The check sa-recreated-token-invalid."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest

from checks.builder import DENIED, ROLE_ARN, ago, bare, healthy, pod
from checks.grid import answers
from podid.domain.cluster import Pod, ServiceAccount


def annotated() -> ServiceAccount:
    return ServiceAccount(
        namespace="shop", name="orders", annotations={"eks.amazonaws.com/role-arn": ROLE_ARN}, created_at=ago(days=9)
    )


ID = "sa-recreated-token-invalid"
FAILS = healthy(service_accounts=(replace(annotated(), created_at=ago(hours=1)),))
UNKNOWN = healthy(service_accounts=DENIED)


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "warn", "Deployment shop/orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Cluster prod")]


ORDERS, APP = "Association shop/orders", "Deployment shop/orders"


def service_account(created: datetime | None = None, annotations: Mapping[str, str] | None = None) -> ServiceAccount:
    return ServiceAccount(namespace="shop", name="orders", annotations=annotations or {}, created_at=created)


@pytest.mark.parametrize(
    ("created", "pods", "expected"),
    [
        (ago(hours=4), (pod(created_at=ago(hours=5)),), ("fail", "warn")),
        (ago(hours=5), (pod(created_at=ago(hours=5)),), ("pass", "error")),
        (None, (pod(),), ("not-applicable", "error")),
        (ago(hours=4), (bare(pod(created_at=ago(hours=5))),), ("not-applicable", "error")),
    ],
)
def test_service_accounts_that_were_created_again(
    created: datetime | None, pods: tuple[Pod, ...], expected: tuple[str, str]
) -> None:
    snapshot = healthy(service_accounts=(service_account(created),), pods=pods)
    assert answers(ID, snapshot) == [(*expected, APP)]
