from checks.builder import NO_PODS, association, healthy, pod
from checks.grid import answers, verdicts
from checks.pods import MISSED, OLD

ID = "pod-predates-association"
FAILS = healthy(pods=(OLD,))
UNKNOWN = NO_PODS
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


def test_stale_pods_are_counted_per_workload() -> None:
    young = pod("orders-5d9c-new")
    (verdict,) = verdicts(ID, healthy(pods=(OLD, young)))
    assert verdict.message == "1 of 2 pods started before the association existed, so no credentials were injected"
    assert verdict.evidence == (
        "pods: orders-5d9c-x1",
        "created: association a-orders 2026-11-22T12:00:00Z, oldest of these pods 2026-11-22T11:00:00Z",
    )
    assert verdict.fix is not None
    assert verdict.fix.commands == (("podid", "restart", "shop/orders", "--cluster", "prod"),)


def test_an_association_without_a_creation_time_is_unknown() -> None:
    snapshot = healthy(associations=(association(created_at=None),), pods=(MISSED,))
    assert answers(ID, snapshot) == [("unknown", "error", "Deployment shop/orders")]
