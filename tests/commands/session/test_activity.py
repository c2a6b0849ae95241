"""`podid activity`."""

from ops.session.support import pods_call, read
from worlds import Site


def test_older_calls_are_not_counted(healthy: Site) -> None:
    healthy.must("verify", "shop/orders", "--yes")
    pods_call(healthy, "eks:list_clusters")
    healthy.clock.advance(7200)
    assert (read(healthy)["calls"], read(healthy, "--since", "3h")["calls"]) == (0, 2)
    outcome = healthy("activity", "shop/orders")
    assert (outcome.code, outcome.stdout) == (0, "")
    assert "no calls of shop/orders since " in outcome.stderr
    assert "CloudTrail keeps events" not in outcome.stderr
    outcome = healthy("activity", "shop/orders", "--since", "100d")
    assert "CloudTrail keeps events for 90 days: earlier calls are not included" in outcome.stderr


def test_without_permission_or_association(healthy: Site) -> None:
    outcome = healthy("activity", "shop/order")
    assert (outcome.code, outcome.stdout) == (5, "")
    assert "did you mean shop/orders?" in outcome.stderr
    healthy.box.world.credentials.deny("cloudtrail:LookupEvents")
    outcome = healthy("activity", "shop/orders")
    assert (outcome.code, outcome.stdout) == (4, "")
    assert "cloudtrail:LookupEvents" in outcome.stderr
    assert healthy("activity", "shop/orders", "--since", "soon").code == 2
