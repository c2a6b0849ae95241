from dataclasses import replace

import pytest

from checks.builder import DENIED, NO_PODS, association, bare, healthy, pod
from checks.grid import answers
from podid.domain.cluster import Pod

ID = "association-deleted-env-remains"
FAILS = healthy(associations=())
UNKNOWN = NO_PODS
FINDINGS = [("fail", "error", "ServiceAccount shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
ACCOUNT = "ServiceAccount shop/orders"


@pytest.mark.parametrize(
    ("pods", "associations", "expected"),
    [
        ((pod(),), (association(),), [("pass", "error", ACCOUNT)]),
        ((pod(),), (), [("fail", "error", ACCOUNT)]),
        ((replace(pod(), phase="Succeeded"),), (), []),
        ((bare(pod()),), (), []),
        # the webhook skipped its only container, and added the volume
        (
            (replace(bare(pod()), volumes=pod().volumes, annotations={"eks.amazonaws.com/skip-containers": "app"}),),
            (),
            [],
        ),
    ],
)
def test_injected_pods_without_an_association(
    pods: tuple[Pod, ...], associations: object, expected: list[tuple[str, str, str]]
) -> None:
    snapshot = healthy(pods=pods, associations=associations)
    assert answers(ID, snapshot) == expected
    unreadable = healthy(pods=pods, associations=DENIED)
    assert answers(ID, unreadable) == [("unknown", "error", "Cluster prod")]
