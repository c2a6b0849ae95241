"""The check irsa-annotation-leftover."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest

from checks.builder import DENIED, ROLE_ARN, ago, bare, healthy, node, pod
from checks.grid import answers
from podid.domain.cluster import Container, ServiceAccount
from podid.domain.snapshot import Snapshot


def annotated() -> ServiceAccount:
    return ServiceAccount(
        namespace="shop", name="orders", annotations={"eks.amazonaws.com/role-arn": ROLE_ARN}, created_at=ago(days=9)
    )


ID = "irsa-annotation-leftover"
FAILS = healthy(service_accounts=(annotated(),))
UNKNOWN = healthy(service_accounts=DENIED)
PASSES = healthy()


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "info", "ServiceAccount shop/orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "info", "Cluster prod")]


IRSA = {"eks.amazonaws.com/role-arn": ROLE_ARN}
WEB = replace(bare(pod()), containers=(Container(name="app", image="x", env={"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}),))


def service_account(created: datetime | None = None, annotations: Mapping[str, str] | None = None) -> ServiceAccount:
    return ServiceAccount(namespace="shop", name="orders", annotations=annotations or {}, created_at=created)


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (healthy(service_accounts=(service_account(annotations=IRSA),)), ["fail"]),
        (healthy(service_accounts=(service_account(),)), ["pass"]),
        (healthy(service_accounts=(service_account(annotations=IRSA),), associations=()), []),
        (healthy(service_accounts=(service_account(annotations=IRSA),), pods=(WEB,)), ["not-applicable"]),
        (
            healthy(service_accounts=(service_account(annotations=IRSA),), nodes=(node(compute_type="fargate"),)),
            ["not-applicable"],
        ),
    ],
)
def test_annotations_of_associated_service_accounts(snapshot: Snapshot, expected: list[str]) -> None:
    assert [outcome for outcome, _, _ in answers(ID, snapshot)] == expected
