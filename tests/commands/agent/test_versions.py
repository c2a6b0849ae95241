"""`podid agent versions`."""

from ops.agent.support import DEFAULT, NEWEST, OLD
from worlds import AGENT, Site


def test_versions_with_the_installed_one(healthy: Site) -> None:
    healthy.box.world.clusters["demo"].addons[AGENT].version = OLD
    outcome = healthy.must("agent", "versions")
    rows = [line.split("\t")[:3] for line in outcome.stdout.splitlines()]
    assert rows[:2] == [[NEWEST, "newest", "yes"], [DEFAULT, "default", "yes"]]
    assert [OLD, "installed", "yes"] in rows
    behind, following = outcome.stderr.splitlines()
    assert behind.startswith(f"note: {OLD} is installed, but EKS's default for Kubernetes 1.35 is {DEFAULT}")
    assert following == f"note: the default for Kubernetes 1.36 is {NEWEST}"
    healthy.box.world.credentials.deny("eks:DescribeAddonVersions")
    denied = healthy("agent", "versions")
    assert (denied.code, denied.stdout, "eks:DescribeAddonVersions" in denied.stderr) == (4, "", True)
