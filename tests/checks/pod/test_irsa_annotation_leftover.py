from dataclasses import replace

import pytest

from checks.builder import DENIED, IRSA_ANNOTATION, bare, healthy, node, pod, service_account
from checks.grid import answers
from podid.domain.cluster import Container
from podid.domain.snapshot import Snapshot

ID = "irsa-annotation-leftover"
FAILS = healthy(service_accounts=(service_account(annotations=IRSA_ANNOTATION),))
UNKNOWN = healthy(service_accounts=DENIED)
PASSES = healthy()
FINDINGS = [("fail", "info", "ServiceAccount shop/orders")]
UNKNOWNS = [("unknown", "info", "Cluster prod")]
WEB = replace(bare(pod()), containers=(Container(name="app", image="x", env={"AWS_WEB_IDENTITY_TOKEN_FILE": "/t"}),))


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (healthy(service_accounts=(service_account(annotations=IRSA_ANNOTATION),)), ["fail"]),
        (healthy(service_accounts=(service_account(),)), ["pass"]),
        (healthy(service_accounts=(service_account(annotations=IRSA_ANNOTATION),), associations=()), []),
        (healthy(service_accounts=(service_account(annotations=IRSA_ANNOTATION),), pods=(WEB,)), ["not-applicable"]),
        (
            healthy(
                service_accounts=(service_account(annotations=IRSA_ANNOTATION),), nodes=(node(compute_type="fargate"),)
            ),
            ["not-applicable"],
        ),
        (
            healthy(service_accounts=(service_account(annotations=IRSA_ANNOTATION),), nodes=(node(os="windows"),)),
            ["not-applicable"],
        ),
    ],
)
def test_annotations_of_associated_service_accounts(snapshot: Snapshot, expected: list[str]) -> None:
    assert [outcome for outcome, _, _ in answers(ID, snapshot)] == expected
