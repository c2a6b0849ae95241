"""An operation that fails for good: every command gives up after some seconds, says so, and asks for it no more than it
takes to know."""

import time
from collections import Counter

import pytest

from harness import one_in
from podid.aws import api
from podid.calls import pacing
from podid.sandbox.baseline import add_association, add_cluster
from podid.sandbox.http import HttpAnswer
from worlds import Site

from .front import Call, Genuine, in_front

pytestmark = pytest.mark.sampled(5)

MANY = 200
DESCRIBE = "DescribePodIdentityAssociation"
# what it ends with, and whom it asks
WAYS = (
    ("trust tighten --role shop-orders --dry-run", 9, DESCRIBE),
    ("role list", 9, DESCRIBE),
    ("doctor", 9, DESCRIBE),
    ("list", 7, DESCRIBE),
    ("show shop/orders", 7, DESCRIBE),
    ("role show shop-orders", 9, DESCRIBE),
    ("role delete storefront --dry-run", 6, DESCRIBE),
    ("verify shop/orders --yes", 9, DESCRIBE),
    ("associate shop/orders --role storefront --replace --dry-run", 7, DESCRIBE),
    ("disassociate shop/orders --dry-run", 7, DESCRIBE),
    ("copy --from-cluster demo --to-cluster blue --dry-run", 7, DESCRIBE),
    ("agent status", 0, DESCRIBE),
    ("role list", 9, "GetRole"),
    ("addon list", 7, "DescribeAddon"),
    ("trust tighten --role shop-orders --dry-run", 9, "ListClusters"),
)


@pytest.mark.parametrize(("way", "code", "operation"), one_in(6, WAYS))
def test_a_permanent_failure_is_reported(
    healthy: Site, monkeypatch: pytest.MonkeyPatch, way: str, code: int, operation: str
) -> None:
    monkeypatch.setattr(pacing, "FAILING_SECONDS", 3.0)
    monkeypatch.setattr(api, "SILENT_SECONDS", 0.0)
    add_cluster(healthy.box.world, "blue")
    for number in range(MANY):
        add_association(healthy.box.world, "shop", f"a{number}", "storefront")
    asked = Counter[str]()

    def front(call: Call, genuine: Genuine) -> HttpAnswer:
        asked[call.operation] += 1
        if call.operation != operation:
            return genuine()
        error = "<Error><Code>ServiceFailure</Code><Message>broken</Message></Error>"
        if call.service == "iam":
            return HttpAnswer(500, {}, f"<ErrorResponse>{error}</ErrorResponse>".encode())
        return HttpAnswer(500, {}, b'{"__type":"ServerException","message":"broken"}')

    began = time.monotonic()
    with in_front(healthy, front):
        outcome = healthy(*way.split())
    took = time.monotonic() - began
    assert outcome.code == code, outcome
    assert f"failed to answer {operation}" in outcome.stdout + outcome.stderr
    assert "retrying\n" in outcome.stderr
    assert took < 9
    # as many as there are workers are tried again for these seconds, and none after them
    assert asked[operation] < 12 * pacing.WORKERS
