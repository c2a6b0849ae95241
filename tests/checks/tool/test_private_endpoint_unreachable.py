from dataclasses import replace

import pytest

from checks.builder import DENIED, cluster, healthy
from checks.grid import answers, only
from podid.domain.snapshot import SERVICES, Missing

NO_ANSWER = Missing("the API server does not answer", error_code="Unavailable")
ID = "private-endpoint-unreachable"
UNKNOWN = healthy(pods=NO_ANSWER)
UNKNOWNS = [("unknown", "error", "Cluster prod")]
TIMEOUT = Missing("the API server of cluster prod does not answer", "", "Unavailable")
NOTHING_READ = {name: TIMEOUT for name, origin in SERVICES.items() if origin == "kubernetes"}


@pytest.mark.parametrize(
    ("public", "advice"),
    [
        (False, "its endpoint is private: run podid inside the VPC, or connect by VPN or tunnel"),
        (True, "its public endpoint may not allow this address (publicAccessCidrs), or a proxy blocks the connection"),
    ],
)
def test_the_advice_depends_on_the_endpoint(public: bool, advice: str) -> None:
    snapshot = healthy(cluster=replace(cluster(), public_endpoint=public), **NOTHING_READ)
    found = only(ID, snapshot)
    assert (found.outcome.value, found.reason) == ("unknown", f"{TIMEOUT.reason}; {advice}")
    assert answers("tool-k8s-rbac-denied", snapshot) == [("not-applicable", "error", "Caller Kubernetes")]


def test_the_endpoint_is_not_known_without_the_cluster() -> None:
    reason = only(ID, healthy(cluster=DENIED, **NOTHING_READ)).reason
    assert reason == (
        f"{TIMEOUT.reason}; its endpoint may be private, or not allow this address, or a proxy blocks the connection"
    )


def test_an_api_server_that_throttles_is_reachable() -> None:
    snapshot = healthy(pods=Missing("the API server throttled requests until the timeout", "", "Throttled"))
    assert [answer[0] for answer in answers(ID, snapshot)] == ["pass"]
    assert answers("tool-k8s-rbac-denied", snapshot) == [("unknown", "error", "Caller Kubernetes")]


def test_a_read_that_fails_alone_is_not_blamed_on_the_endpoint() -> None:
    """The conversion webhook of a custom resource is down, or an aggregated API."""
    failed = Missing("the API server of cluster prod failed with 503: service unavailable", "", "Unavailable")
    assert only(ID, healthy(products=failed)).reason == failed.reason
